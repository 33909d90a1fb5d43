# dit8 in a container: the program that make release builds, and a model, on nothing else.
#
#   docker build -t dit8 .
#   docker run -p 8080:8080 dit8                                    # the page and the API
#   docker run -v "$PWD:/data" -w /data -u "$(id -u)" dit8 sample -count 1000 -npz out.npz
#   docker build --build-arg MODEL=my.dit8 -t mine .                # another model, of this folder

FROM docker.io/library/golang:1.26-bookworm AS go

FROM docker.io/library/node:22-bookworm AS build
COPY --from=go /usr/local/go /usr/local/go
ENV PATH=/usr/local/go/bin:$PATH GOTOOLCHAIN=local
WORKDIR /src
COPY . .
ARG TARGETOS=linux TARGETARCH=amd64
RUN --mount=type=cache,target=/root/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build --mount=type=cache,target=/root/.npm \
	make release-page && make release-program SYSTEM=$TARGETOS/$TARGETARCH TO=/out

FROM scratch
LABEL org.opencontainers.image.title=dit8 org.opencontainers.image.licenses=MIT
# A layer of its own: it stays where only the program is new.
ARG MODEL=weights/default.dit8
COPY --chmod=644 $MODEL /models/model.dit8
COPY LICENSE tools/dataset/ATTRIBUTION.md /
COPY --from=build /out/dit8 /
USER 65532:65532
EXPOSE 8080
# There is no shell and no curl: the program asks itself.
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/dit8", "serve", "-check", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["/dit8"]
CMD ["serve", "-addr", "0.0.0.0:8080", "-model", "/models/model.dit8"]
