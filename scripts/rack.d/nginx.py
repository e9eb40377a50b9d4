"""nginx's configuration: images for many nodes at once, and boot programs for firmware that boots by HTTP."""

import json
import os


def configuration(settings):
    """The text of nginx.conf. Everything else than files is the server's own: a node's request must come from the node."""
    quoted = json.dumps
    temporary = "\n".join("  %s_temp_path %s;" % (name, quoted(settings.path("state", name)))
                          for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    # For its workers. Only root can start them as another user: nginx warns when it is not.
    group = "root" if settings.user == "root" else "nogroup"
    return """# Written by scripts/rack from rack.json: change that with scripts/rack write.
daemon off;
user %s %s;
worker_processes auto;
pid %s;
error_log stderr warn;
events { worker_connections 4096; }
http {
%s
  access_log off;
  default_type application/octet-stream;
  sendfile on;
  # So that one node's connection does not keep a worker from the others.
  sendfile_max_chunk 1m;
  tcp_nopush on;
  server {
    listen %s:%d;
    # Base images, overlays, kernels and initramfs, each with its .sha256, as the server has them below the same path.
    location /common/ { alias %s; }
    # What firmware boots by HTTP.
    location /loaders/ { alias %s; }
    location / { return 404; }
  }
}
""" % (settings.user, group, quoted(settings.path("state", "nginx.pid")), temporary, settings.address, settings.image_port,
       quoted(os.path.join(settings.boot_directory, "")), quoted(os.path.join(settings.path("loaders"), "")))
