"""Words of a tariff file: structs of its entries, forms of its texts, its schema."""
