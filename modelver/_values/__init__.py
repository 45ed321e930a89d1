"""Values: what is said, as frozen objects. No disk, no clock, no network."""
