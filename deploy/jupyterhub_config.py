"""JupyterHub on one machine: every student gets JupyterLab on an own copy of the labs, with the course shared and read-only.

    sudo LABS_HOME=/srv/labs /srv/labs/env/bin/jupyterhub --config /srv/labs/author/deploy/jupyterhub_config.py

docs/deploy.md says how the machine is set up, and which of the variables below to set for a class of which size.

    LABS_HOME      the folder of everything (places.py); /srv/labs
    LABS_LOGIN     pam (accounts of the machine), firstuse, native, or any other authenticator's name
    LABS_ADMINS    names of instructors who may see the hub's admin page, with commas
    LABS_ADDRESS   where students connect, http://127.0.0.1:8000; a web server with a certificate stands before it
    LABS_MEMORY    limit for one student, server and kernels together, 2.5G; kept where systemd runs
    LABS_CORES     limit for one student in cores, 2; kept where systemd runs
    LABS_PROXY     the command of configurable-http-proxy
"""
import os
import pwd
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from places import places  # noqa: E402

c = get_config()  # noqa: F821  (JupyterHub's name, in its configuration files)
where = places()
FIRST_PERSON = 1000  # accounts below are the system's own
HOUR = 3600

# ---------------------------------------------------------------- the hub

c.JupyterHub.bind_url = os.environ.get("LABS_ADDRESS", "http://127.0.0.1:8000")
c.JupyterHub.cookie_secret_file = str(where.hub / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{where.hub / 'jupyterhub.sqlite'}"
c.ConfigurableHTTPProxy.pid_file = str(where.hub / "proxy.pid")
c.ConfigurableHTTPProxy.command = os.environ.get("LABS_PROXY", "configurable-http-proxy").split()
c.JupyterHub.concurrent_spawn_limit = 0  # whoever is over a limit is turned away, not queued: a class starts in one minute
c.JupyterHub.cleanup_servers = False  # restarting the hub ends nobody's work

# ---------------------------------------------------------------- who may log in

c.JupyterHub.authenticator_class = os.environ.get("LABS_LOGIN", "pam")
c.Authenticator.allowed_users = set(where.students.read_text(encoding="utf-8").split()) if where.students.exists() else set()
c.Authenticator.admin_users = {name.strip() for name in os.environ.get("LABS_ADMINS", "").split(",") if name.strip()}

c.FirstUseAuthenticator.dbm_path = str(where.hub / "passwords.dbm")
c.FirstUseAuthenticator.create_users = False  # only those in students.txt

# ---------------------------------------------------------------- what a student gets


def prepare(spawner) -> None:
    """Before a start, as the hub's user: the release in force, and the student's folder for submissions."""
    course = where.course.resolve()  # a server stays with its release; the next start takes the next one
    collected = where.collect / spawner.user.name
    spawner.environment = spawner.environment | {
        "PYTHONPATH": str(course),
        "PATH": os.pathsep.join([str(course / "bin"), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LABS_COLLECT": str(collected),
    }
    spawner.cmd = [sys.executable, str(course / "deploy" / "student_server.py")]
    collected.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0 and not spawner_is_for_tests(spawner):
        account = pwd.getpwnam(spawner.user.name)
        if account.pw_uid < FIRST_PERSON:
            raise PermissionError(f"{spawner.user.name} is an account of the system: no server is started for it.")
        os.chown(collected, account.pw_uid, account.pw_gid, follow_symlinks=False)


def spawner_is_for_tests(spawner) -> bool:
    """Whether students have no accounts: simulate.py runs all of them as the user who started it."""
    return type(spawner).__name__ == "SimpleLocalProcessSpawner"


c.Spawner.pre_spawn_hook = prepare
c.Spawner.environment = {
    "LABS_HANDOUT": f"file://{where.handout}",
    "GIT_CONFIG_SYSTEM": str(where.gitconfig),
    "COURSE_THREADS": "1",  # the networks are small, and a class shares the cores
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUTF8": "1",
}
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = "/lab/tree/labs"
c.Spawner.start_timeout = 180  # the whole class starts in the same minute
c.Spawner.http_timeout = 180
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=7200",  # a kernel at rest keeps its memory: two hours after its last cell it ends
    "--MappingKernelManager.cull_interval=300",
    "--MappingKernelManager.cull_connected=True",     # also where its tab is still open
    "--FileContentsManager.delete_to_trash=False",
]

if Path("/run/systemd/system").is_dir():
    c.JupyterHub.spawner_class = "systemd"
    c.SystemdSpawner.mem_limit = os.environ.get("LABS_MEMORY", "2.5G")
    c.SystemdSpawner.cpu_limit = float(os.environ.get("LABS_CORES", "2"))
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.disable_user_sudo = True
    c.SystemdSpawner.readonly_paths = [str(where.home)]
    c.SystemdSpawner.readwrite_paths = [str(where.collect)]
else:
    c.JupyterHub.spawner_class = "localprocess"  # no limits: one student can take all memory

# ---------------------------------------------------------------- servers that nobody uses

c.JupyterHub.services = [{
    "name": "idle",
    "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={3 * HOUR}", "--cull-every=600"],
}]
c.JupyterHub.load_roles = [{
    "name": "idle",
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    "services": ["idle"],
}]
