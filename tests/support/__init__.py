"""What tests and benchmarks share: real databases, started when first needed."""
