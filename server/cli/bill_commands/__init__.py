"""The commands of `ratewright bill`, each imported when it is called."""
