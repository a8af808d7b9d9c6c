"""Every setting of the portal, read from the environment. docs/configuration.md lists them for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portal.admin_settings import UNFOLD as UNFOLD
from portal.api_settings import CORS_ALLOW_HEADERS as CORS_ALLOW_HEADERS
from portal.api_settings import CORS_EXPOSE_HEADERS as CORS_EXPOSE_HEADERS
from portal.api_settings import CORS_URLS_REGEX as CORS_URLS_REGEX
from portal.api_settings import REST_FRAMEWORK as REST_FRAMEWORK
from portal.api_settings import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from portal.environment import choice, dollars, env, kept_secret, number, percent, price_table, rate, secret
from portal.s3_settings import origins, private_storage

BASE_DIR = Path(__file__).resolve().parent.parent

LAPTOP = choice("IMAGESIFT_MODE", ("laptop", "production"), "laptop") == "laptop"
PRODUCTION = not LAPTOP
DEBUG = env.bool("DEBUG", default=False)

# Everything the laptop keeps: database, files, secret key.
DATA_DIR = Path(env.str("IMAGESIFT_DATA", default=str(BASE_DIR / "var"))).resolve()

SECRET_KEY = kept_secret(DATA_DIR / "secret-key") if LAPTOP else secret("SECRET_KEY")
# Worker processes, by tasks in the database, or on AWS a function that S3's events call.
RECOGNIZED_BY = choice("RECOGNIZED_BY", ("worker", "lambda"), "worker")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if LAPTOP else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "portal",
    "portal.accounts",
    "portal.images",
    "portal.api",
    "portal.webhooks",
    "portal.moderation",
    "portal.finetuning",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.waking.WakingMiddleware",
    "portal.images.sweeping_along.SweepingMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.api.throttling.RateLimitMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database ------------------------------------------------------------------------------------------------------------

# Where it is set, an Aurora cluster that knows us by IAM; it beats DATABASE_URL.
DATABASE_HOST = env.str("DATABASE_HOST", default="")


def _aurora() -> dict[str, Any]:
    """No password: portal.aurora signs one for each connection. None is kept open, or the cluster could not pause."""
    return {
        "ENGINE": "portal.aurora",
        "HOST": DATABASE_HOST,
        "PORT": number("DATABASE_PORT", 5432, at_least=1),
        "NAME": env.str("DATABASE_NAME", default="imagesift"),
        "USER": env.str("DATABASE_USER", default="imagesift"),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "sslmode": choice("DATABASE_SSLMODE", ("verify-full", "require", "disable"), "verify-full"),
            "sslrootcert": env.str("DATABASE_SSLROOTCERT", default=""),
            "connect_timeout": 3,
        },
    }


_SQLITE = f"sqlite:///{DATA_DIR / 'imagesift.sqlite3'}"
DATABASES: dict[str, dict[str, Any]] = {
    "default": _aurora() if DATABASE_HOST else env.db("DATABASE_URL", default=_SQLITE)
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The worker and the web processes write at once: readers must not block writers, and a writer waits its turn
    # from the first statement of its transaction on instead of failing in the middle of it.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # Threads of a live server in the tests share the file; a database in memory would be one connection's own.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# In the database, so that login limits hold across processes.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"},
}

# Files ---------------------------------------------------------------------------------------------------------------

UPLOADS_BUCKET = env.str("UPLOADS_BUCKET", default="")
DERIVED_BUCKET = env.str("DERIVED_BUCKET", default="")
AWS_REGION = env.str("AWS_REGION", default=None)
# Another S3 than Amazon's, as boto3 names it.
S3_ENDPOINT = env.str("AWS_ENDPOINT_URL_S3", default="") or env.str("AWS_ENDPOINT_URL", default="")

_UPLOADS = private_storage(UPLOADS_BUCKET, AWS_REGION, S3_ENDPOINT, DATA_DIR / "uploads")
STORAGES: dict[str, dict[str, Any]] = {
    "default": _UPLOADS,
    "uploads": _UPLOADS,
    "derived": private_storage(DERIVED_BUCKET, AWS_REGION, S3_ENDPOINT, DATA_DIR / "derived"),
    "staticfiles": {"BACKEND": "portal.staticfiles.StaticFiles"},
}

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))

# What a photo may be -------------------------------------------------------------------------------------------------

MAX_UPLOAD_BYTES = number("MAX_UPLOAD_BYTES", 50_000_000, at_least=1)
MAX_IMAGE_PIXELS = number("MAX_IMAGE_PIXELS", 100_000_000, at_least=1)
IMAGES_PER_DAY = number("IMAGES_PER_DAY", 2_000)
BYTES_PER_USER = number("BYTES_PER_USER", 20_000_000_000)
# How long an upload form stays valid.
UPLOAD_FORM_SECONDS = number("UPLOAD_FORM_SECONDS", 3600, at_least=1)

# Recognition ---------------------------------------------------------------------------------------------------------

DETECTORS = tuple(env.list("DETECTORS", default=["onnx", "custom", "faces", "text", "properties"]))
_USER_CACHE = env.str("XDG_CACHE_HOME", default="~/.cache")
MODELS_DIR = Path(env.str("IMAGESIFT_MODELS", default=f"{_USER_CACHE}/imagesift/models")).expanduser()
# Names a model of the fetcher's list, or a folder that holds model.onnx, config.json and preprocessor_config.json.
ONNX_MODEL = env.str("ONNX_MODEL", default="rtdetr-v2-r18")
REKOGNITION_FEATURES = tuple(env.list("REKOGNITION_FEATURES", default=["labels", "properties", "moderation", "text"]))
DETECTOR_TIMEOUT_SECONDS = number("DETECTOR_TIMEOUT_SECONDS", 60, at_least=1)
RECOGNITION_ATTEMPTS = number("RECOGNITION_ATTEMPTS", 5, at_least=1)

# How many images are recognised in a second, as long as none has been measured lately: on AWS what Rekognition allows.
RECOGNITIONS_PER_SECOND = rate("RECOGNITIONS_PER_SECOND", 1.0)
RECOGNITION_PRICES = price_table("RECOGNITION_PRICES")
# What may be spent on recognition in a month (UTC); None is no limit. A budget in the administration beats these.
MONTHLY_BUDGET_USD = dollars("MONTHLY_BUDGET_USD")
MONTHLY_BUDGET_PER_USER_USD = dollars("MONTHLY_BUDGET_PER_USER_USD")

# Results are stored from a low confidence on; these decide what is shown.
SHOWN_CONFIDENCE = percent("SHOWN_CONFIDENCE", 50)
CONTENT_FLAG_CONFIDENCE = percent("CONTENT_FLAG_CONFIDENCE", 60)

# Which images moderators see; every look at somebody else's is in the audit log.
MODERATION_SEES = choice(
    "MODERATION_SEES", ("all", "flagged_and_suggested", "shared"), "all" if LAPTOP else "flagged_and_suggested"
)

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "webhooks", "training"]}}

# Programs ------------------------------------------------------------------------------------------------------------

# For laptops and tests alone: lets people have what their own machine and network offers called, over http as well.
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", default=False)
API_REQUESTS_PER_MINUTE = number("API_REQUESTS_PER_MINUTE", 600, at_least=1)

# Sites whose pages may use the API from a browser, each with a token of its own: cookies stay out of it.
API_CORS_ORIGINS = env.list("API_CORS_ORIGINS", default=[])
if API_CORS_ORIGINS:
    INSTALLED_APPS.append("corsheaders")
    # Before whatever else answers: a preflight follows no redirect, and pages must be able to read refusals.
    MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")
CORS_ALLOWED_ORIGINS = API_CORS_ORIGINS

# Accounts ------------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "images:history"
LOGOUT_REDIRECT_URL = "home"

ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "portal.accounts.forms.LoginForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = choice(
    "EMAIL_VERIFICATION", ("mandatory", "optional", "none"), "optional" if LAPTOP else "mandatory"
)
ACCOUNT_EMAIL_SUBJECT_PREFIX = "ImageSift: "
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", default=True)

MFA_FORMS = {"add_webauthn": "portal.accounts.forms.AddPasskeyForm"}
# Where mail is only printed, nobody has to follow a link in it before protecting their account.
MFA_ALLOW_UNVERIFIED_EMAIL = LAPTOP
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "ImageSift"
# Browsers hand out passkeys without TLS on http://localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LAPTOP

vars().update(env.email_url("EMAIL_URL", default="consolemail://" if LAPTOP else "smtp://localhost:25"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="ImageSift <imagesift@localhost>")

# Safety --------------------------------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

_SELF = "'self'"
# Browsers send files to the buckets and get them from there; elsewhere the portal is between them.
_NAMES = (UPLOADS_BUCKET, DERIVED_BUCKET) if RECOGNIZED_BY == "lambda" else ()
_BUCKETS = origins(_NAMES, AWS_REGION, S3_ENDPOINT)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [_SELF],
        "style-src": [_SELF],
        "img-src": [_SELF, "blob:", "data:", *_BUCKETS],
        "connect-src": [_SELF, *_BUCKETS],
        "font-src": [_SELF],
        "manifest-src": [_SELF],
        "form-action": [_SELF, *_BUCKETS],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    },
}

# Language, time, logs ------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # botocore would write the credentials that it signs with into the log, at its lowest level.
    "loggers": {
        "django_tasks": {"level": "WARNING"},
        "django_tasks_db": {"level": "WARNING"},
        "botocore": {"level": "INFO"},
    },
}
