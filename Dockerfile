# docker build -t albsim . && docker run --rm -v "$PWD:/work" albsim run scenarios/gree-200-pods.yaml
FROM python:3.13-slim AS build
COPY . /src
RUN python -m venv /opt/albsim \
    && /opt/albsim/bin/pip install --no-cache-dir --require-hashes -r /src/requirements-hashed.lock \
    && /opt/albsim/bin/pip install --no-cache-dir --no-deps /src

FROM python:3.13-slim
COPY --from=build /opt/albsim /opt/albsim
# Nothing is written into the image: compiled loops and the list of fonts go where any user may write.
ENV PATH=/opt/albsim/bin:$PATH NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["albsim"]
