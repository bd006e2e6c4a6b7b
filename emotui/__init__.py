"""The application: command line, jobs over the science and the store, the embedded demo."""
