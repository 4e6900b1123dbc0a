//! Search: every itinerary of a direction that the whole party can buy (rules.md "Search").

mod model;

pub use model::{
    DirectionQuery, Facets, Filters, Found, Itinerary, MOST_ITINERARIES, Relaxation, Sort, Window,
};
