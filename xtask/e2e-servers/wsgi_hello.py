"""A WSGI application, which cannot speak WebSocket."""


def application(environ, start_response):
    status = "200 OK" if environ["PATH_INFO"] == "/" else "404 Not Found"
    start_response(status, [("Content-Type", "text/html")])
    return [b"<!doctype html><title>Classic site</title>"]
