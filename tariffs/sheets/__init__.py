"""The tariff sheet that customers read: made from a checked catalogue, written as text, HTML and PDF."""
