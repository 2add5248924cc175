def haproxy(port, web): return ""
