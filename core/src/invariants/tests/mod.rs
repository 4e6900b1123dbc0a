mod agree;
mod changes;
mod model;
mod money;
mod planted;
mod sequences;
mod world;
