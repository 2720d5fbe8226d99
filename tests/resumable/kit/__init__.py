"""What the tests of `perdure.resumable` are made of: a world, a driver, claims, programs."""
