mod checking;
mod fresh;
mod oracle;
mod random;
mod rules;
mod world;
