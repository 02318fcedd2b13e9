"""Facts about public distributions that their names do not tell. Used where a distribution is not installed.

Only what is known belongs here: a distribution that is absent is judged by what is installed, by
`[import-names]` in `workspace.toml`, or not at all.
"""

from __future__ import annotations

#: Distribution -> everything that can be imported from it, where that is not its own name with ``_`` for ``-``.
IMPORT_NAMES = {
    "absl-py": "absl",
    "ansible-core": "ansible ansible_test",
    "antlr4-python3-runtime": "antlr4",
    "apache-airflow": "airflow",
    "apache-flink": "pyflink",
    "apache-superset": "superset",
    "atlassian-python-api": "atlassian",
    "attrs": "attr attrs",
    "azure-core": "azure.core",
    "azure-storage-blob": "azure.storage.blob",
    "beautifulsoup4": "bs4",
    "black": "black blackd blib2to3",
    "biopython": "Bio BioSQL",
    "cassandra-driver": "cassandra",
    "cattrs": "cattr cattrs",
    "cffi": "cffi _cffi_backend",
    "cython": "Cython cython pyximport",
    "databricks-sql-connector": "databricks.sql",
    "discord-py": "discord",
    "django-allauth": "allauth",
    "django-cors-headers": "corsheaders",
    "django-crispy-forms": "crispy_forms",
    "django-debug-toolbar": "debug_toolbar",
    "django-environ": "environ",
    "django-filter": "django_filters",
    "django-import-export": "import_export",
    "django-model-utils": "model_utils",
    "django-mptt": "mptt",
    "django-simple-history": "simple_history",
    "django-storages": "storages",
    "django-taggit": "taggit",
    "djangorestframework": "rest_framework",
    "djangorestframework-simplejwt": "rest_framework_simplejwt",
    "dm-haiku": "haiku",
    "dnspython": "dns",
    "factory-boy": "factory",
    "faiss-cpu": "faiss",
    "faiss-gpu": "faiss",
    "future": "future past libfuturize libpasteurize",
    "gdal": "osgeo osgeo_utils",
    "gitpython": "git",
    "google-api-core": "google.api_core",
    "google-api-python-client": "googleapiclient apiclient",
    "google-auth": "google.auth google.oauth2",
    "google-cloud-aiplatform": (
        "google.cloud.aiplatform google.cloud.aiplatform_v1 google.cloud.aiplatform_v1beta1 vertexai"
    ),
    "google-cloud-bigquery": "google.cloud.bigquery google.cloud.bigquery_v2",
    "google-cloud-pubsub": "google.cloud.pubsub google.cloud.pubsub_v1 google.pubsub google.pubsub_v1",
    "google-cloud-storage": "google.cloud.storage",
    "google-genai": "google.genai",
    "google-generativeai": "google.generativeai",
    "googleapis-common-protos": (
        "google.api google.cloud.common google.logging.type google.longrunning google.rpc google.type"
    ),
    "grpcio": "grpc",
    "grpcio-health-checking": "grpc_health",
    "grpcio-reflection": "grpc_reflection",
    "grpcio-status": "grpc_status",
    "grpcio-tools": "grpc_tools",
    "haystack-ai": "haystack",
    "hydra-core": "hydra",
    "imbalanced-learn": "imblearn",
    "ipykernel": "ipykernel ipykernel_launcher",
    "ipython": "IPython",
    "jsonpatch": "jsonpatch jsonpatch_cli",
    "kafka-python": "kafka",
    "levenshtein": "Levenshtein",
    "llama-cpp-python": "llama_cpp",
    "llama-index-core": "llama_index.core",
    "markdown-it-py": "markdown_it",
    "matplotlib": "matplotlib mpl_toolkits pylab",
    "mypy": "mypy mypyc",
    "mysql-connector-python": "mysql",
    "mysqlclient": "MySQLdb",
    "nats-py": "nats",
    "openai-whisper": "whisper",
    "opencv-contrib-python": "cv2",
    "opencv-contrib-python-headless": "cv2",
    "opencv-python": "cv2",
    "opencv-python-headless": "cv2",
    "opensearch-py": "opensearchpy",
    "opentelemetry-api": (
        "opentelemetry._events opentelemetry._logs opentelemetry.attributes opentelemetry.baggage "
        "opentelemetry.context opentelemetry.environment_variables opentelemetry.metrics "
        "opentelemetry.propagate opentelemetry.propagators._envcarrier "
        "opentelemetry.propagators.composite opentelemetry.propagators.textmap "
        "opentelemetry.trace opentelemetry.util._decorator opentelemetry.util._importlib_metadata "
        "opentelemetry.util._once opentelemetry.util._providers opentelemetry.util.re opentelemetry.util.types "
        "opentelemetry.version"
    ),
    "opentelemetry-sdk": "opentelemetry.sdk",
    "opentelemetry-semantic-conventions": "opentelemetry.semconv",
    "opentelemetry-test-utils": "opentelemetry.test",
    "paho-mqtt": "paho",
    "pdfminer-six": "pdfminer",
    "peewee": "peewee playhouse pwiz",
    "pillow": "PIL",
    "protobuf": "google.protobuf google._upb",
    "psycopg2-binary": "psycopg2",
    "pulsar-client": "pulsar",
    "pycairo": "cairo",
    "pycryptodome": "Crypto",
    "pycryptodomex": "Cryptodome",
    "pyenchant": "enchant",
    "pygithub": "github",
    "pygobject": "gi pygtkcompat",
    "pyhamcrest": "hamcrest",
    "pyjks": "jks",
    "pyjwt": "jwt",
    "pymongo": "bson gridfs pymongo",
    "pymupdf": "fitz pymupdf",
    "pynacl": "nacl",
    "pyopengl": "OpenGL",
    "pyopenssl": "OpenSSL",
    "pypdf2": "PyPDF2",
    "pyqt5": "PyQt5",
    "pyqt6": "PyQt6",
    "pyserial": "serial",
    "pysocks": "socks sockshandler",
    "pytelegrambotapi": "telebot",
    "pytest": "pytest _pytest py",
    "pytest-xdist": "xdist",
    "python-barcode": "barcode",
    "python-consul": "consul",
    "python-dateutil": "dateutil",
    "python-decouple": "decouple",
    "python-docx": "docx",
    "python-dotenv": "dotenv",
    "python-engineio": "engineio",
    "python-frontmatter": "frontmatter",
    "python-gitlab": "gitlab",
    "python-igraph": "igraph",
    "python-jenkins": "jenkins",
    "python-jose": "jose",
    "python-json-logger": "pythonjsonlogger",
    "python-ldap": "ldap ldapurl ldif slapdtest",
    "python-levenshtein": "Levenshtein",
    "python-magic": "magic",
    "python-memcached": "memcache",
    "python-multipart": "multipart python_multipart",
    "python-nmap": "nmap",
    "python-pptx": "pptx",
    "python-slugify": "slugify",
    "python-snappy": "snappy",
    "python-socketio": "socketio",
    "python-telegram-bot": "telegram",
    "python-xlib": "Xlib",
    "pyusb": "usb",
    "pywin32": (
        "pythoncom pythonwin pywintypes servicemanager win32api win32com win32con win32event win32evtlog "
        "win32file win32gui win32pipe win32process win32security win32service win32serviceutil"
    ),
    "pyyaml": "yaml _yaml",
    "pyzmq": "zmq",
    "rpi-gpio": "RPi",
    "ruamel-yaml": "ruamel.yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "scikit-optimize": "skopt",
    "setuptools": "setuptools pkg_resources _distutils_hack",
    "social-auth-core": "social_core",
    "snowflake-connector-python": "snowflake.connector",
    "speechrecognition": "speech_recognition",
    "sympy": "isympy sympy",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tiktoken": "tiktoken tiktoken_ext",
    "toolz": "tlz toolz",
    "torch": "functorch torch torchgen",
    "tortoise-orm": "tortoise",
    "umap-learn": "umap",
    "vcrpy": "vcr",
    "weaviate-client": "weaviate",
    "web-py": "web",
    "websocket-client": "websocket",
    "wxpython": "wx",
}

#: Distributions from which nothing but their own name, with ``_`` for ``-``, can be imported.
OWN_NAME = frozenset(
    """
    aiofiles aiohttp aiosqlite alembic altair annotated-types anthropic anyio apscheduler arrow asyncpg bandit
    bcrypt blake3 bokeh boltons boto3 botocore build cachecontrol cachetools celery certifi chardet
    charset-normalizer chromadb click cloudevents cloudpickle colorama colorlog confluent-kafka coverage
    croniter cryptography dacite dask datasets deepdiff docker docutils duckdb elasticsearch email-validator
    faker fastapi fastavro filelock flake8 flask flask-cors flask-login flask-migrate flask-sqlalchemy freezegun
    frozendict fsspec gensim geopandas gevent graphviz greenlet gunicorn h11 h2 hatch-vcs hatchling httptools
    httpx httpx-sse huggingface-hub humanize hvac hypothesis idna inflect inflection invoke isort itsdangerous
    jinja2 jmespath joblib jsonlines jsonpointer jsonschema kombu kubernetes langchain langchain-anthropic
    langchain-community langchain-core langchain-openai langchain-text-splitters langsmith lark litellm lxml
    markdown marshmallow maturin mcp mistune mkdocs mlflow mmh3 mock more-itertools moto msgpack multidict
    nbconvert nbformat nltk nox numpy oauthlib openai openpyxl orjson ormsgpack packaging pandas paramiko
    passlib pendulum pexpect pika platformdirs plotly pluggy ply polars portalocker pre-commit prometheus-client
    prompt-toolkit psutil psycopg psycopg-binary psycopg-c psycopg-pool pyarrow pyasn1 pyaudio pycparser
    pydantic pydantic-core pydantic-settings pygments pylint pymysql pyodbc pyparsing pypdf pyperclip pyright
    pytest-asyncio pytest-benchmark pytest-cov pytest-mock pytest-socket pytest-timeout pytz questionary
    rapidfuzz redis regex requests requests-oauthlib responses respx rich ruff s3fs safetensors scipy seaborn
    sentry-sdk setuptools-scm shapely simplejson six sniffio sortedcontainers spacy sphinx sqlalchemy sqlmodel
    sqlparse starlette statsmodels streamlit stripe structlog syrupy tabulate tenacity tensorboard termcolor
    textual threadpoolctl tokenizers toml tomli tomlkit torchvision tornado towncrier tox tqdm transformers
    twilio twine ty typeguard typer typing-extensions tzdata tzlocal ujson urllib3 uv-build uvicorn uvloop
    virtualenv vulture watchdog watchfiles websockets werkzeug wrapt xgboost xmltodict xxhash yarl zstandard
    """.split()  # noqa: SIM905 - as a list it would fill pages
)

#: Used by their mere presence: other distributions load them by name, or they only bring data or speed.
LOADED_BY_OTHERS = frozenset(
    {
        "email-validator",  # pydantic's EmailStr
        "greenlet",  # SQLAlchemy's asyncio
        "httptools",  # uvicorn
        "psycopg-binary",  # psycopg
        "psycopg-c",  # psycopg
        "python-multipart",  # forms of Starlette and FastAPI
        "tzdata",  # zoneinfo
        "uvloop",  # uvicorn
    }
)

#: Modules of the standard library that newer Pythons have dropped; code for older ones may still import them.
DROPPED_FROM_STANDARD_LIBRARY = frozenset(
    {
        "aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp",
        "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau",
        "telnetlib", "uu", "xdrlib",
    }
)  # fmt: skip
