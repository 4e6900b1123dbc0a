mod model;
mod planted;
mod sequences;
mod world;
