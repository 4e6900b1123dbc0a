//! Distances on the Earth.

const EARTH_RADIUS_KM: f64 = 6371.0;

/// A place on the unit sphere: the distance of two places is then a root and an arcsine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position([f64; 3]);

impl Position {
    /// From degrees north and east.
    pub fn new(lat: f64, lon: f64) -> Self {
        let (lat, lon) = (lat.to_radians(), lon.to_radians());
        Self([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()])
    }

    /// Along the great circle.
    pub fn distance_km(self, other: Self) -> f64 {
        let (a, b) = (self.0, other.0);
        let chord: f64 = (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum();
        2.0 * EARTH_RADIUS_KM * (chord.sqrt() / 2.0).min(1.0).asin()
    }
}
