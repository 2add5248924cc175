"""A Prosody that hosts a room for anonymous users over WebSocket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cluster.cluster import free_port
from cluster.member import Program, tool

from .kinds import GUESTS, MUC

_CONFIGURATION = """\
{root}daemonize = false
pidfile = "{folder}/muc.pid"
data_path = "{folder}/data"
log = {{ {{ levels = {{ min = "warn" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
http_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {port} }}
https_ports = {{ }}
c2s_ports = {{ }}
modules_disabled = {{ "s2s" }}
modules_enabled = {{ "posix", "saslauth", "disco", "websocket" }}
consider_websocket_secure = true
network_settings = {{ nagle = false }}
plugin_paths = {{ "{folder}" }}

VirtualHost "{guests}"
  authentication = "anonymous"

Component "{muc}" "muc"
  modules_enabled = {{ "quick_joins" }}
  muc_room_locking = false
"""
_QUICK_JOINS = """\
-- Who joins is told to nobody else, and of nobody else: even where the room's configuration leaves
-- presence out, 1,000 took 50 s to join, and the time is that of N^2. Messages do not come by here.
module:hook("muc-room-pre-create", function (event)
    local room = event.room;
    local alone = setmetatable({
        each_occupant = function () return next, {}; end;
    }, { __index = room });
    local publicise = room.publicise_occupant_status;
    room.send_occupant_list = function () end;
    room.publicise_occupant_status = function (_, ...) return publicise(alone, ...); end;
end);
"""


@asynccontextmanager
async def muc(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """It runs for as long as the block; its HTTP port and process id. Raises ClusterError."""
    port = free_port()
    (folder / "data").mkdir(parents=True)
    (folder / "mod_quick_joins.lua").write_text(_QUICK_JOINS, "utf-8")
    file = folder / "prosody.cfg.lua"
    file.write_text(
        _CONFIGURATION.format(
            root="run_as_root = true\n" if os.geteuid() == 0 else "",
            folder=folder.absolute(),
            port=port,
            guests=GUESTS,
            muc=MUC,
        ),
        "utf-8",
    )
    server = Program("muc", folder, port, [tool("prosody"), "--config", str(file), "-F"])
    try:
        await server.start()
        assert server.pid is not None
        yield port, server.pid
    finally:
        server.kill()
