# One image for web, workers, control and scheduler: Debian slim, not root, nothing written but /var/lib/gtm and
# /tmp, so it runs with a read-only root file system. The packages are those of requirements.lock, by hash.
FROM python:3.11-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY pyproject.toml requirements.lock ./
COPY gtm/trial/lanes.py gtm/trial/lanes.py
RUN python -m venv /opt/gtm \
 && python gtm/trial/lanes.py image < requirements.lock > image.lock \
 && /opt/gtm/bin/pip install --require-hashes --requirement image.lock

FROM python:3.11-slim-trixie
# pg_dump and pg_restore are for manage.py backup and restore: at least as new as the server of compose.yaml.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10001 gtm \
 && useradd --system --uid 10001 --gid gtm --home-dir /var/lib/gtm --no-create-home gtm \
 && install --directory --owner=gtm --group=gtm --mode=0750 /var/lib/gtm
COPY --from=build /opt/gtm /opt/gtm
COPY . /srv/gtm
ENV PATH=/opt/gtm/bin:$PATH GTM_HOME=/var/lib/gtm PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m compileall -q /opt/gtm/lib /srv/gtm/gtm /srv/gtm/programs /srv/gtm/plans
WORKDIR /srv/gtm
USER gtm
VOLUME /var/lib/gtm
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "gtm.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--worker-tmp-dir", "/dev/shm"]
