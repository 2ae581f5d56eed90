"""The importer of tariff plan folders: each file, what is listed, and the costs that the other engine's own tests assert."""
