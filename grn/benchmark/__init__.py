"""Methods × data sets × networks × seeds: what each reaches, beside its controls."""
