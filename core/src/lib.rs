//! The rules, the SQL, the job payloads, storage and payment back-ends of Flightdesk.
//!
//! One folder a domain, the same noun as in the api and the worker. Operations are plain functions on a
//! `&mut PgConnection`, so that the transaction stays visible where it is begun: in the caller.

pub mod account;
pub mod actor;
pub mod backend;
pub mod baggage;
pub mod booking;
pub mod booking_event;
pub mod booking_lock;
pub mod charge;
pub mod clock;
pub mod config;
pub mod connections;
pub mod coupon;
pub mod db;
pub mod db_error;
pub mod document;
pub mod email;
pub mod entitlement;
pub mod error;
pub mod fare;
pub mod fault;
pub mod fixtures;
pub mod flight;
pub mod format;
pub mod fresh;
mod geo;
pub mod hold;
pub mod html;
pub mod idempotency;
pub mod ids;
pub mod invariants;
pub mod inventory;
pub mod ledger;
pub mod mail;
pub mod mail_content;
pub mod money;
pub mod offer;
pub mod outbox;
pub mod payment;
pub mod phone;
pub mod place;
pub mod production;
pub mod redis;
pub mod reference;
pub mod reminder;
pub mod schedule;
pub mod search;
pub mod seat;
pub mod seat_fee;
pub mod seller;
pub mod settlement;
pub mod shop;
pub mod signing;
pub mod storage;
pub mod telemetry;
pub mod text;
pub mod ticket;
pub mod trade;
pub mod webhook;
pub mod zone;

pub use clock::Clock;
pub use error::{Error, Result};
pub use shop::Shop;
