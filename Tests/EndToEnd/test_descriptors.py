"""A process that runs out of descriptors goes on with the connections it has, and takes others when there is room again."""

import resource

import pytest
from kit.polling import wait_until
from kit.routes import route
from kit.wire import request

ROOM = 12


@pytest.mark.parametrize("engine", ["epoll", "nio"])
def test_a_full_table_of_descriptors_is_no_end(make_site, engine):
    site = make_site([route("/paid/*", "$0.001")], env={"FAREBOX_ENGINE": engine, "FAREBOX_LOOPS": "1"})
    assert site.fetch("GET", "/paid/x").status == 402
    before = site.process.descriptors()
    resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE, (before + ROOM, before + ROOM))
    held = [site.connect() for _ in range(4 * ROOM)]
    wait_until(lambda: site.process.descriptors() >= before + ROOM - 1, "a full table")
    held[0].send(request("GET", "/paid/x"))
    assert held[0].read_response().status == 402
    for connection in held:
        connection.close()
    assert site.fetch("GET", "/paid/x").status == 402
    wait_until(lambda: site.process.descriptors() <= before, "every descriptor given back")
