# syntax=docker/dockerfile:1
# Two stages: the first builds the wheel from the checkout, the second holds nothing but Python and that wheel.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY setup.cfg pyproject.toml README.md LICENSE NOTICE ./
COPY service service
COPY profiles profiles
COPY mappings mappings
RUN python -m pip install --no-cache-dir build \
    && python -m build --outdir /dist . \
    && python -m venv /opt/trialmatch \
    && /opt/trialmatch/bin/pip install --no-cache-dir /dist/*.whl

FROM python:${PYTHON}-slim
COPY --from=build /opt/trialmatch /opt/trialmatch
RUN useradd --system --uid 10001 --create-home trialmatch
ENV PATH=/opt/trialmatch/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/trialmatch
ENTRYPOINT ["trialmatch"]
CMD ["demo"]
