//! Mail messages: typed headers that cannot be injected, bodies encoded on the way.
