"""Cases at random of every form of the vectors, each with what it must come to by plain fractions that know nothing of the product."""
