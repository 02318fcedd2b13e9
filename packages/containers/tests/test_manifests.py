from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botserver_containers.errors import ManifestError
from botserver_containers.manifests.documents import read_yaml, to_document
from botserver_containers.manifests.images import Image, is_allowed, parse_image
from botserver_containers.manifests.manifest import HealthCheck, Manifest, Port, Resources, Security, Volume
from botserver_containers.manifests.parsing import APP_KEYS, parse_manifest

WHOLE = """
app:
  id: btcpay-server
  name: BTCPay Server
  version: "2.0"
  container:
    image: btcpayserver/btcpayserver:2.0
    network: btcpay
    derived_env: {PUBLIC_URL: "http://${HOST_MDNS}:23000"}
    command: [/app/server, --port, "49392"]
  dependencies: [btcpay-db, bitcoin-knots]
  resources: {memory: 1g, cpus: 1.5, pids: 256}
  security: {capabilities: [NET_BIND_SERVICE], read_only_root: true, user: "1000:1000"}
  ports:
    - {host: 23000, container: 49392, bind: 0.0.0.0, auth: open}
  volumes:
    - {name: data, target: /datadir}
    - {name: config, target: /etc/btcpay, read_only: true}
  environment: {NETWORK: mainnet, PORT: 49392}
  secret_env: {ADMIN_PASSWORD: "env:APP_ADMIN"}
  generated_secrets: [POSTGRES_PASSWORD]
  hooks:
    post_install: [[/app/server, migrate]]
  health_check: {type: http, endpoint: "127.0.0.1:23000", path: /health, interval: 5, timeout: 2.5, retries: 4}
"""


def problems_of(document: object) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(document)
    return caught.value.problems


def app(**more: Any) -> dict[str, Any]:
    return {"app": {"id": "a", "container": {"image": "nginx"}, **more}}


def test_a_whole_manifest_is_read() -> None:
    assert parse_manifest(read_yaml(WHOLE)) == Manifest(
        id="btcpay-server",
        image="docker.io/btcpayserver/btcpayserver:2.0",
        name="BTCPay Server",
        version="2.0",
        network="btcpay",
        command=("/app/server", "--port", "49392"),
        derived_env={"PUBLIC_URL": "http://${HOST_MDNS}:23000"},
        dependencies=("btcpay-db", "bitcoin-knots"),
        resources=Resources(1024**3, 1.5, 256),
        security=Security(("NET_BIND_SERVICE",), True, "1000:1000"),
        ports=(Port(23000, 49392, "tcp", "0.0.0.0", "open"),),
        volumes=(Volume("data", "/datadir"), Volume("config", "/etc/btcpay", read_only=True)),
        environment={"NETWORK": "mainnet", "PORT": "49392"},
        secret_env={"ADMIN_PASSWORD": "env:APP_ADMIN"},
        generated_secrets=("POSTGRES_PASSWORD",),
        post_install=(("/app/server", "migrate"),),
        health_check=HealthCheck("http", "127.0.0.1:23000", "/health", (), 5.0, 2.5, 4),
    )


def test_what_is_written_is_read_back() -> None:
    manifest = parse_manifest(read_yaml(WHOLE))
    assert parse_manifest(to_document(manifest)) == manifest


def test_every_problem_is_told_at_once_with_the_nearest_key() -> None:
    document = {
        "app": {
            "id": "../etc",
            "container": {"image": "not an image", "netwrok": "bridge"},
            "prots": [],
            "ports": [{"host": 80, "container": 8080, "bind": "0.0.0.0"}, {"host": "80", "container": 0}],
            "volumes": [{"name": "d", "target": "/a/../etc"}, {"name": "d", "target": "data"}],
            "environment": {"A B": "x", "OK": ["x"]},
            "secret_env": {"P": "hunter2"},
            "resources": {"memory": "lots"},
            "health_check": {"type": "http", "endpoint": "10.0.0.1:80"},
            "dependencies": ["a b"],
        }
    }
    found = problems_of(document)
    assert [problem.split(" ")[0] for problem in found] == [
        "app", "app.container", "app.id", "app.container.image", "app.ports[0].bind", "app.ports[1].host",
        "app.ports[1].container", "app.dependencies[0]", "app.resources.memory", "app.volumes[0].target",
        "app.volumes[1].target", "app.volumes[1].name", "app.environment", "app.environment.OK", "app.secret_env.P",
        "app.health_check.endpoint",
    ]  # fmt: skip
    assert found[0] == "app has an unknown key 'prots'. Did you mean ports?"
    assert found[1] == "app.container has an unknown key 'netwrok'. Did you mean network?"
    assert "hunter2" not in " ".join(found)


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a;b", "$(id)", "-a", "a ", "A", "a" * 64, "a..b", "a\n", "café", "`a`", "a|b", ".a"]
)
def test_a_name_with_parts_of_a_path_or_signs_of_a_shell_is_refused(name: str) -> None:
    assert problems_of(app(id=name))[0].startswith("app.id cannot be the name of an app.")


def nested(keys: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=8)


INNER_KEYS = ["host", "container", "image", "name", "target", "type", "memory", "user", "command", "post_install"]


@given(nested(st.text()))
def test_any_document_is_read_or_refused_with_a_sentence(document: object) -> None:
    assert read_or_refused(document)


@given(st.dictionaries(st.sampled_from(APP_KEYS), nested(st.sampled_from(INNER_KEYS))))
def test_values_of_any_type_in_known_places_are_refused_not_crashed_on(inner: dict[str, Any]) -> None:
    assert read_or_refused({"app": inner})


def read_or_refused(document: object) -> bool:
    try:
        return bool(parse_manifest(document))
    except ManifestError as error:
        return bool(error.problems)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("app: {id: a, id: b}", "found duplicate key"),
        ("app: [", "no YAML at line 1"),
        ("!!python/object/apply:os.system [id]", "no YAML"),
        ("a" * 300_000, "larger than"),
    ],
)
def test_yaml_that_deceives_is_refused(text: str, what: str) -> None:
    with pytest.raises(ManifestError, match=what):
        read_yaml(text)


def test_yaml_no_is_a_word() -> None:
    document = read_yaml("app: {id: a, container: {image: nginx}, environment: {COUNTRY: no}}")
    assert parse_manifest(document).environment == {"COUNTRY": "no"}


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx", Image("docker.io", "library/nginx", "latest")),
        ("filebrowser/filebrowser:v2", Image("docker.io", "filebrowser/filebrowser", "v2")),
        ("ghcr.io/a/b@sha256:" + "0" * 64, Image("ghcr.io", "a/b", "", "sha256:" + "0" * 64)),
        ("127.0.0.1:5000/x:1", Image("127.0.0.1:5000", "x", "1")),
        ("localhost/lab/serve:1", Image("localhost", "lab/serve", "1")),
        ("nginx ", None),
        ("--privileged", None),
        ("NGINX", None),
        ("a/../b", None),
        ("docker://nginx", None),
        ("", None),
    ],
)
def test_a_reference_is_read_in_full(text: str, image: Image | None) -> None:
    assert parse_image(text) == image


def test_an_allow_list_speaks_of_registry_and_repository() -> None:
    image = parse_image("evil.example/docker.io/x")
    assert image is not None
    assert not is_allowed(image, ["docker.io/*"])
    nginx = parse_image("nginx")
    assert nginx is not None
    assert is_allowed(nginx, ["docker.io/library/*"])
    assert not is_allowed(nginx, [])
