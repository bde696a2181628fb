"""A session of docker-py with an engine named by DOCKER_HOST: one JSON line a test."""

import io
import json
import os
import tarfile
import threading
import time
import traceback
import urllib.request

import docker
from docker import errors, types

client = docker.from_env()
low = client.api
tests = []


def test(function):
    tests.append(function)
    return function


def archive_of(**files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            data = text.encode()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def raises(kind, function):
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def until_healthy(container):
    """Waits for the event, from the container's making on."""
    events = client.events(
        since=0, decode=True, filters={"container": container.id, "event": "health_status"}
    )
    for event in events:
        if event["status"] == "health_status: healthy":
            events.close()
            return


@test
def the_daemon_is_pinged_and_described():
    assert client.ping() is True
    assert client.version()["Os"] == "linux"
    assert client.info()["OSType"] == "linux"
    assert set(client.df()) >= {"Images", "Containers", "Volumes"}
    assert docker.DockerClient(base_url=os.environ["DOCKER_HOST"], version="auto").ping() is True


@test
def run_gives_output_and_raises_on_failure():
    assert client.containers.run("busybox", "echo out", remove=True) == b"out\n"
    both = client.containers.run("busybox", ["sh", "-c", "echo a; echo b >&2"], remove=True, stderr=True)
    assert sorted(both.split()) == [b"a", b"b"], both
    error = raises(errors.ContainerError, lambda: client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True))
    assert error.exit_status == 3 and error.stderr == b"bad\n", error
    raises(errors.APIError, lambda: client.containers.run("no-such-image:at-all", "true"))


@test
def run_works_as_virtual_machine():
    options = dict(isolation="vm", remove=True)
    guest = client.containers.run("busybox", "cat /proc/sys/kernel/random/boot_id", **options)
    box = client.containers.run("busybox", "cat /proc/sys/kernel/random/boot_id", remove=True)
    assert guest != box


@test
def a_stream_of_logs_ends_with_the_container():
    container = client.containers.run("busybox", ["sh", "-c", "for n in 1 2 3; do echo $n; sleep 0.2; done"], detach=True)
    assert list(container.logs(stream=True, follow=True)) == [b"1\n", b"2\n", b"3\n"]
    assert container.wait()["StatusCode"] == 0
    assert container.logs(tail=1) == b"3\n"
    stamped = container.logs(timestamps=True, tail=1).decode()
    assert stamped.endswith("Z 3\n"), stamped
    container.remove()
    raises(errors.NotFound, lambda: container.reload())


@test
def exec_run_tells_outputs_apart():
    container = client.containers.run("busybox", "sleep 1000", detach=True)
    code, output = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 4"], demux=True)
    assert (code, output) == (4, (b"out\n", b"err\n")), (code, output)
    code, output = container.exec_run("env", environment={"FRUIT": "pear"}, workdir="/tmp", user="33")
    assert b"FRUIT=pear\n" in output
    code, stream = container.exec_run(["sh", "-c", "echo one; sleep 0.2; echo two"], stream=True)
    assert b"".join(stream) == b"one\ntwo\n"
    _, socket = container.exec_run("cat", stdin=True, socket=True)
    socket._sock.sendall(b"through\n")
    socket._sock.shutdown(1)
    answer = b""
    while True:
        piece = socket._sock.recv(4096)
        if not piece:
            break
        answer += piece
    assert answer == b"\x01\0\0\0\0\0\0\x08through\n", answer
    made = low.exec_create(container.id, "true", tty=True)
    assert low.exec_start(made["Id"], tty=True) == b""
    assert low.exec_inspect(made["Id"])["ExitCode"] == 0
    container.remove(force=True)


@test
def attached_streams_carry_input_and_output():
    container = client.containers.create("busybox", "cat", stdin_open=True)
    params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    socket = container.attach_socket(params=params)
    container.start()
    socket._sock.sendall(b"hello\n")
    assert socket._sock.recv(8 + 6) == b"\x01\0\0\0\0\0\0\x06hello\n"
    socket.close()
    container.kill()
    assert container.wait()["StatusCode"] == 137
    container.remove()
    container = client.containers.create("busybox", ["sh", "-c", "echo to all"])
    stream = container.attach(stream=True, logs=False)
    container.start()
    assert b"".join(stream) == b"to all\n"
    container.wait()
    container.remove()


@test
def archives_go_in_and_out():
    container = client.containers.create("busybox", "cat /tmp/given")
    assert container.put_archive("/tmp", archive_of(given="from a tar\n")) is True
    container.start()
    container.wait()
    assert container.logs() == b"from a tar\n"
    pieces, stat = container.get_archive("/tmp/given")
    assert stat["name"] == "given" and stat["size"] == 11, stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        assert tar.extractfile("given").read() == b"from a tar\n"
    raises(errors.NotFound, lambda: container.get_archive("/no/such"))
    container.remove()


@test
def a_container_is_told_back_as_it_was_given():
    container = client.containers.create(
        "busybox", "true", name="told-back", hostname="told", labels={"shade": "dark"},
        environment={"A": "1"}, mem_limit="64m", nano_cpus=500000000, cap_add=["NET_ADMIN"],
        cap_drop=["MKNOD"], ports={"80/tcp": None, "53/udp": ("127.0.0.1", 5353)},
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}, tmpfs={"/scratch": "size=1m"},
        ulimits=[types.Ulimit(name="nofile", soft=100, hard=200)], extra_hosts={"there": "10.1.2.3"},
        sysctls={"net.core.somaxconn": "99"}, dns=["10.0.0.53"], working_dir="/tmp", user="33",
        log_config=types.LogConfig(type="json-file", config={"max-size": "1m"}), init=True,
        stop_signal="SIGINT", read_only=True, shm_size="1m", security_opt=["no-new-privileges"],
        healthcheck={"test": ["CMD", "true"], "interval": 1000000000},
    )
    told = low.inspect_container("told-back")
    config, host = told["Config"], told["HostConfig"]
    assert config["Hostname"] == "told" and config["Labels"] == {"shade": "dark"}
    assert "A=1" in config["Env"] and config["User"] == "33" and config["WorkingDir"] == "/tmp"
    assert config["StopSignal"] == "SIGINT" and config["Healthcheck"]["Test"] == ["CMD", "true"]
    assert host["Memory"] == 64 << 20 and host["NanoCpus"] == 500000000
    assert host["CapAdd"] in (["NET_ADMIN"], ["CAP_NET_ADMIN"]) and host["CapDrop"] in (["MKNOD"], ["CAP_MKNOD"])
    assert host["PortBindings"]["53/udp"] == [{"HostIp": "127.0.0.1", "HostPort": "5353"}]
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert host["Tmpfs"] == {"/scratch": "size=1m"} and host["Ulimits"] == [{"Name": "nofile", "Soft": 100, "Hard": 200}]
    assert host["ExtraHosts"] == ["there:10.1.2.3"] and host["Sysctls"] == {"net.core.somaxconn": "99"}
    assert host["Dns"] == ["10.0.0.53"] and host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    assert host["Init"] is True and host["ReadonlyRootfs"] is True and host["ShmSize"] == 1 << 20
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert container.status == "created" and container.image.tags == ["busybox:latest"]
    container.remove()


@test
def states_signals_and_conditions_of_wait():
    script = "trap 'exit 6' TERM; echo ready; while :; do sleep 0.1; done"
    container = client.containers.create("busybox", ["sh", "-c", script])
    results = {}

    def wait(condition):
        results[condition] = container.client.api.wait(container.id, condition=condition)

    waiting = [threading.Thread(target=wait, args=(word,)) for word in ("next-exit", "removed")]
    for one in waiting:
        one.start()
    container.start()
    assert next(container.logs(stream=True, follow=True)) == b"ready\n"
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.rename("renamed-by-python")
    assert client.containers.get("renamed-by-python").id == container.id
    container.stop()
    waiting[0].join(60)
    assert results["next-exit"]["StatusCode"] == 6, results
    assert container.wait()["StatusCode"] == 6
    container.restart()
    container.kill(signal="KILL")
    container.wait()
    container.remove()
    waiting[1].join(60)
    assert results["removed"]["StatusCode"] == 137, results


@test
def stats_are_decoded_and_streamed():
    container = client.containers.run("busybox", "sleep 1000", detach=True)
    once = container.stats(stream=False)
    assert once["memory_stats"]["usage"] > 0 and once["pids_stats"]["current"] >= 1
    assert once["cpu_stats"]["cpu_usage"]["total_usage"] > 0 and "eth0" in once["networks"]
    stream = container.stats(decode=True)
    first, second = next(stream), next(stream)
    assert second["read"] > first["read"]
    assert second["precpu_stats"]["cpu_usage"]["total_usage"] <= second["cpu_stats"]["cpu_usage"]["total_usage"]
    stream.close()
    top = container.top()
    assert "PID" in top["Titles"] and "sleep 1000" in " ".join(top["Processes"][0])
    container.update(mem_limit="96m", memswap_limit="96m")
    container.reload()
    assert container.attrs["HostConfig"]["Memory"] == 96 << 20
    container.remove(force=True)


@test
def lists_are_filtered():
    labels = {"of": "python"}
    up = client.containers.run("busybox", "sleep 1000", detach=True, labels=labels, name="python-up")
    down = client.containers.create("busybox", "true", labels=labels, name="python-down")
    names = lambda **words: sorted(c.name for c in client.containers.list(**words))
    assert names(filters={"label": "of=python"}) == ["python-up"]
    assert names(all=True, filters={"label": ["of"]}) == ["python-down", "python-up"]
    assert names(all=True, filters={"status": "created", "label": "of"}) == ["python-down"]
    assert names(all=True, filters={"since": "python-up"}) == ["python-down"]
    assert names(all=True, filters={"ancestor": "busybox", "name": "python-up"}) == ["python-up"]
    down.remove()
    up.remove(force=True)
    pruned = client.containers.prune(filters={"label": "of=nobody"})
    assert not pruned["ContainersDeleted"] and pruned["SpaceReclaimed"] == 0


@test
def events_are_decoded_as_they_come():
    since = time.time() - 1
    events = client.events(since=int(since), decode=True, filters={"label": "of=events"})
    client.containers.run("busybox", "true", remove=True, labels={"of": "events"})
    seen = []
    for event in events:
        seen.append(event["Action"])
        assert event["Actor"]["Attributes"]["of"] == "events" and event["time"] >= int(since)
        if event["Action"] == "destroy":
            break
    events.close()
    assert seen[0] == "create" and "start" in seen and seen.index("die") < seen.index("destroy"), seen


@test
def networks_are_made_joined_and_left():
    pool = types.IPAMPool(subnet="10.88.0.0/24", gateway="10.88.0.9", aux_addresses={"kept": "10.88.0.2"})
    network = client.networks.create("python-net", driver="bridge", internal=True, labels={"of": "python"},
                                     ipam=types.IPAMConfig(pool_configs=[pool]), check_duplicate=True)
    told = client.networks.get("python-net").attrs
    assert told["IPAM"]["Config"][0]["Gateway"] == "10.88.0.9" and told["Internal"] is True
    container = client.containers.run("busybox", "sleep 1000", detach=True, name="python-joiner")
    network.connect(container, aliases=["alias"], ipv4_address="10.88.0.50")
    container.reload()
    joined = container.attrs["NetworkSettings"]["Networks"]["python-net"]
    assert joined["IPAddress"] == "10.88.0.50" and "alias" in joined["Aliases"], joined
    network.reload()
    assert [c.name for c in network.containers] == ["python-joiner"]
    found = client.containers.run("busybox", "nslookup alias", network="python-net", remove=True)
    assert b"10.88.0.50" in found, found
    assert raises(errors.APIError, network.remove).status_code == 403
    network.disconnect(container)
    container.remove(force=True)
    network.remove()
    assert client.networks.list(names=["python-net"]) == []
    assert raises(errors.NotFound, lambda: client.networks.get("python-net")).status_code == 404
    assert "bridge" in [n.name for n in client.networks.list(filters={"driver": "bridge"})]


@test
def volumes_and_mounts_keep_files():
    volume = client.volumes.create("python-volume", labels={"of": "python"})
    mount = types.Mount("/data", "python-volume", type="volume")
    client.containers.run("busybox", ["sh", "-c", "echo kept > /data/file"], mounts=[mount], remove=True)
    read = client.containers.run("busybox", "cat /data/file", volumes={"python-volume": {"bind": "/data", "mode": "ro"}}, remove=True)
    assert read == b"kept\n"
    guest = client.containers.run("busybox", "cat /data/file", mounts=[mount], isolation="vm", remove=True)
    assert guest == b"kept\n"
    holder = client.containers.create("busybox", "true", mounts=[mount])
    assert raises(errors.APIError, volume.remove).status_code == 409
    holder.remove()
    assert [v.name for v in client.volumes.list(filters={"label": "of=python"})] == ["python-volume"]
    volume.remove()
    raises(errors.NotFound, lambda: client.volumes.get("python-volume"))
    assert "VolumesDeleted" in client.volumes.prune()


@test
def ports_are_published_and_told():
    served = {"test": ["CMD-SHELL", "test -s /run/nginx.pid"], "interval": 1000000000}
    container = client.containers.run(
        "nginx", detach=True, ports={"80/tcp": ("127.0.0.1", None)}, healthcheck=served
    )
    container.reload()
    binding = container.ports["80/tcp"][0]
    assert binding["HostIp"] == "127.0.0.1"
    assert low.port(container.id, 80) == container.ports["80/tcp"]
    until_healthy(container)
    page = urllib.request.urlopen(f"http://127.0.0.1:{binding['HostPort']}/").read()
    assert b"Welcome to nginx!" in page
    container.remove(force=True)


@test
def images_are_listed_tagged_saved_and_loaded():
    image = client.images.get("busybox")
    assert "busybox:latest" in image.tags and image.attrs["Os"] == "linux"
    assert image.tag("python/tagged", tag="one") is True
    assert "python/tagged:one" in client.images.get(image.id).tags
    assert [i.id for i in client.images.list(name="python/tagged")] == [image.id]
    assert client.images.list(filters={"reference": "python/*:one"})[0].id == image.id
    saved = b"".join(client.images.get("python/tagged:one").save(named="python/tagged:one"))
    client.images.remove("python/tagged:one")
    loaded = client.images.load(saved)
    assert loaded[0].id == image.id
    client.images.remove("python/tagged:one")
    assert len(image.history()) >= 1
    raises(errors.ImageNotFound, lambda: client.images.get("python/tagged:one"))
    assert raises(errors.NotFound, lambda: client.images.get("python/none")).status_code == 404
    assert "SpaceReclaimed" in client.images.prune(filters={"dangling": True})


@test
def a_health_check_is_told():
    check = {"test": ["CMD-SHELL", "test -e /ok"], "interval": 1000000000, "retries": 2}
    container = client.containers.run("busybox", ["sh", "-c", "touch /ok; sleep 1000"], detach=True, healthcheck=check)
    until_healthy(container)
    container.reload()
    assert container.attrs["State"]["Health"]["Log"][-1]["ExitCode"] == 0
    container.remove(force=True)


@test
def errors_carry_status_and_explanation():
    error = raises(errors.NotFound, lambda: client.containers.get("nobody"))
    assert error.status_code == 404 and error.explanation == "No such container: nobody"
    container = client.containers.create("busybox", "true", name="taken")
    error = raises(errors.APIError, lambda: client.containers.create("busybox", "true", name="taken"))
    assert error.status_code == 409 and 'name "/taken" is already in use by container' in error.explanation
    assert raises(errors.APIError, container.pause).status_code == 409
    assert raises(errors.APIError, container.kill).status_code == 409
    container.remove()
    assert raises(errors.APIError, lambda: client.swarm.reload()).status_code == 503
    raises(errors.APIError, lambda: client.containers.create("busybox", "true", mem_limit=1))


@test
def a_container_is_committed_exported_and_its_changes_told():
    container = client.containers.run("busybox", ["sh", "-c", "echo new > /home/new"], detach=True)
    container.wait()
    assert {"Path": "/home/new", "Kind": 1} in container.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as tar:
        assert "home/new" in tar.getnames()
    image = container.commit("python/committed", tag="one", changes='CMD ["cat", "/home/new"]')
    assert client.containers.run("python/committed:one", remove=True) == b"new\n"
    container.remove()
    client.images.remove(image.id)


def main():
    for function in tests:
        outcome = {"name": f"docker-py: {function.__name__.replace('_', ' ')}"}
        try:
            function()
        except Exception:
            outcome["error"] = traceback.format_exc()
        print(json.dumps(outcome, separators=(",", ":")), flush=True)


main()
