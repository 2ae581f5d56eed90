"""What the service shows of itself to those who run it: metrics and its log. Neither holds a name, a number or an amount of a customer."""
