# Builds the binary, the only thing that the last stage copies besides an empty folder.
FROM oven/bun:1.4.5-debian AS build
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
COPY patches patches
RUN bun install --frozen-lockfile --production
COPY build.ts ./
COPY drizzle drizzle
COPY src src
RUN bun build.ts && mkdir /data

# glibc, time zones and certificates; no shell, no package manager.
FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /build/dist/orchestrator /usr/local/bin/orchestrator
# 65532 is this image's user "nonroot"; a new volume inherits the folder's owner.
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV HOST=0.0.0.0 PORT=8000 DATABASE_URL=sqlite:////data/orchestrator.db
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --start-interval=1s --retries=3 \
	CMD ["/usr/local/bin/orchestrator", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/orchestrator"]
