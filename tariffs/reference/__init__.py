"""The reference of the tariff language, made of the structs that read it: field tables and JSON Schema."""
