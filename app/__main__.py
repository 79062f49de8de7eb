"""`python -m app ...` is `vret ...`; the page starts its indexing runs this way."""

from app.main import main

if __name__ == "__main__":
    main()
