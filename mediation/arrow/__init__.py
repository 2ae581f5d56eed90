"""Arrow and Parquet files whose rows are usage already, by our names or by a source's."""
