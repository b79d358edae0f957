# syntax=docker/dockerfile:1
# Two stages: the first builds the wheel from the checkout, the second holds nothing but Python and that wheel.
# tests/packaging/dockerfile.py carries these steps out without Docker.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
# The libraries first, so that a change of the program alone does not install them again.
COPY requirements.txt ./
RUN python -m venv /opt/trialmatch \
    && /opt/trialmatch/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY setup.cfg pyproject.toml README.md LICENSE NOTICE ./
COPY service service
COPY profiles profiles
COPY mappings mappings
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /dist . \
    && /opt/trialmatch/bin/pip install --no-cache-dir --no-deps /dist/*.whl \
    && /opt/trialmatch/bin/pip check \
    && mkdir /data

FROM python:${PYTHON}-slim
COPY --from=build /opt/trialmatch /opt/trialmatch
# The only place that has to be writable, beside /tmp.
COPY --from=build --chown=10001:10001 /data /var/lib/trialmatch
ENV PATH=/opt/trialmatch/bin:$PATH \
    HOME=/var/lib/trialmatch \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRIALMATCH_DATABASE=sqlite:////var/lib/trialmatch/trialmatch.sqlite \
    TRIALMATCH_PORT=8000
WORKDIR /var/lib/trialmatch
VOLUME /var/lib/trialmatch
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"TRIALMATCH_PORT\"]}/health/live', timeout=2)"]
ENTRYPOINT ["trialmatch"]
# Needs TRIALMATCH_ISSUERS: without it the service is not for others, says so and ends (docs/containers.md).
CMD ["serve", "--host", "0.0.0.0"]
