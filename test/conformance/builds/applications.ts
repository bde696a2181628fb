import type { Project } from "./project.ts";

const script = { mode: 0o755 } as const;
const npm = `#!/bin/sh
set -e
mkdir -p node_modules/.bin node_modules/left-pad node_modules/@scope/tool/bin
echo 'module.exports = 1' > node_modules/left-pad/index.js
echo '#!/bin/sh' > node_modules/@scope/tool/bin/tool.sh
chmod 755 node_modules/@scope/tool/bin/tool.sh
ln -s ../@scope/tool/bin/tool.sh node_modules/.bin/tool
ln node_modules/left-pad/index.js node_modules/left-pad/main.js
`;

/** Programs that serve or run, by the language that their kind is known from. */
export const applications: Readonly<Record<string, Project>> = {
  node: {
    dockerfile: `FROM busybox
RUN echo 'node:x:1000:' >> /etc/group && echo 'node:x:1000:1000::/home/node:/bin/sh' >> /etc/passwd \\
 && mkdir -p /home/node/app && chown -R node:node /home/node
ENV NODE_ENV=production PORT=3000
WORKDIR /home/node/app
COPY --chown=node:node package*.json npm.sh ./
USER node
RUN ./npm.sh
COPY --chown=node:node . .
EXPOSE $PORT
HEALTHCHECK --interval=30s CMD wget -qO- http://localhost:3000 || exit 1
CMD ["node", "server.js"]
`,
    files: {
      "package.json": '{"name":"app"}\n',
      "package-lock.json": "{}\n",
      "npm.sh": { ...script, text: npm },
      "server.js": "require('http')\n",
      "src/lib/util.js": "exports.a = 1\n",
      "src/empty": { folder: true },
      "node_modules/host/index.js": "wrong\n",
      ".git/HEAD": "ref: refs/heads/main\n",
      ".env": "SECRET=1\n",
      "logs/keep.log": "kept\n",
      "logs/other.log": "left out\n",
      ".dockerignore":
        "node_modules\n.git\n**/*.log\n!logs/keep.log\n.env*\n# comment\n\nDockerfile\n",
    },
  },
  "node in stages": {
    dockerfile: `# in three stages
FROM busybox AS deps
WORKDIR /app
COPY package.json npm.sh ./
RUN --mount=type=cache,target=/root/.npm ./npm.sh && rm npm.sh && echo warm > /root/.npm/state
FROM deps AS build
COPY . .
RUN mkdir dist && cat src/*.js > dist/bundle.js && chmod 640 dist/bundle.js
FROM busybox AS runtime
WORKDIR /srv/www
COPY --from=deps /app/node_modules ./node_modules
COPY --from=build --chown=33:33 /app/dist ./
COPY --from=build /app/package.json /srv/
USER 33
CMD ["httpd", "-f"]
`,
    files: {
      "package.json": '{"name":"front"}\n',
      "npm.sh": { ...script, text: npm },
      "src/a.js": "a\n",
      "src/b.js": "b\n",
    },
  },
  python: {
    dockerfile: `FROM busybox
ENV PYTHONUNBUFFERED=1 \\
    VENV=/opt/venv
ENV PATH="$VENV/bin:$PATH"
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked <<EOF
mkdir -p $VENV/bin $VENV/lib/python3.11/site-packages/flask
ln -s /bin/sh $VENV/bin/python
ln -s python $VENV/bin/python3
printf '#!%s/bin/python\\n' "$VENV" > $VENV/bin/flask
chmod +x $VENV/bin/flask
while read -r name; do echo "$name" >> $VENV/lib/python3.11/site-packages/flask/METADATA; done < requirements.txt
ln -s lib $VENV/lib64
echo cached > /root/.cache/pip/http
EOF
COPY src/ /app/src/
COPY --chmod=0755 manage.py /usr/local/bin/
ENTRYPOINT ["python", "-m", "flask"]
CMD ["run", "--host=0.0.0.0"]
`,
    files: {
      "requirements.txt": "flask==3.0\nwerkzeug\n",
      "manage.py": "#!/usr/bin/env python\n",
      "src/app/__init__.py": "",
      "src/app/views.py": "def view(): pass\n",
      "src/app/static/style.css": { text: "a{}\n", mode: 0o600 },
    },
  },
  "python wheels": {
    dockerfile: `FROM busybox AS wheels
WORKDIR /wheels
COPY setup.py .
RUN for name in one two; do cat setup.py > $name.whl; truncate -s 100 $name.whl; done; rm setup.py
FROM busybox
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \\
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \\
    --mount=type=tmpfs,target=/tmp \\
    mkdir -p /usr/lib/python && cp /wheels/*.whl /usr/lib/python/ && cp /constraints.txt /usr/lib/python && touch /tmp/gone
WORKDIR /usr/lib/python
`,
    files: { "setup.py": "setup()\n", "constraints.txt": "a<2\n" },
  },
  go: {
    dockerfile: `FROM busybox AS build
WORKDIR /go/src/app
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod mkdir -p /go/pkg/mod/cache
COPY . .
ARG VERSION=dev TARGETOS TARGETARCH
RUN --mount=type=cache,target=/root/.cache/go-build \\
    --mount=type=cache,target=/go/pkg/mod \\
    mkdir -p /out/etc && cat *.go > /out/server && echo "$VERSION-$TARGETOS-$TARGETARCH" > /out/etc/version \\
    && echo 'nonroot:x:65532:65532::/:' > /out/etc/passwd
FROM scratch
COPY --from=build /out/etc/passwd /etc/passwd
COPY --from=build /out/etc/version /etc/
COPY --from=build --chown=65532:65532 --chmod=555 /out/server /server
USER 65532:65532
EXPOSE 8080/tcp 9090/udp
ENTRYPOINT ["/server"]
`,
    files: {
      "go.mod": "module app\n",
      "go.sum": "",
      "main.go": "package main\n",
      "internal/db/db.go": "package db\n",
    },
    arguments: { VERSION: "1.2.3" },
  },
  rust: {
    dockerfile: `FROM busybox AS chef
WORKDIR /app
FROM chef AS planner
COPY . .
RUN ls -R > recipe.json
FROM chef AS builder
COPY --from=planner /app/Cargo.toml recipe.toml
RUN mkdir -p src target/release/deps && echo 'fn main() {}' > src/main.rs && cp recipe.toml target/release/deps/lib.rlib
COPY . .
RUN touch src/main.rs && cat src/main.rs > target/release/app && chmod 755 target/release/app && rm -rf target/release/deps
FROM busybox AS runtime
RUN mkdir -p /usr/local/bin && echo 'rust:x:100:65534::/nonexistent:/bin/false' >> /etc/passwd
COPY --from=builder /app/target/release /usr/local/bin
USER rust
CMD ["app"]
`,
    files: { "Cargo.toml": "[package]\n", "src/main.rs": "fn main() { run() }\n" },
  },
  java: {
    dockerfile: `FROM busybox AS layers
WORKDIR /application
ARG JAR=target/*.jar
COPY $JAR app.jar
RUN mkdir -p dependencies/BOOT-INF/lib spring-boot-loader application && cp app.jar application/ && echo lib > dependencies/BOOT-INF/lib/a.jar
FROM busybox
WORKDIR application
COPY --from=layers application/dependencies/ ./
COPY --from=layers application/spring-boot-loader/ ./
COPY --from=layers application/application/ ./
VOLUME /tmp /data
STOPSIGNAL SIGTERM
ENTRYPOINT exec java $JAVA_OPTS -jar app.jar
`,
    files: {
      "target/demo-1.0.jar": "PK\n",
      "target/classes/A.class": "\u0001",
      "pom.xml": "<p/>\n",
    },
  },
  php: {
    dockerfile: `FROM busybox
WORKDIR /var/www/html
COPY --chown=www-data:www-data . /var/www/html
RUN mkdir -p storage/framework/cache storage/logs bootstrap/cache \\
 && chown -R www-data:www-data storage bootstrap \\
 && chmod -R 775 storage && chmod g+s storage/logs && chmod 1777 bootstrap/cache \\
 && ln -s /var/www/html/storage/app public/storage
RUN find . -name '*.md' -exec rm {} + && rm -rf tests
`,
    files: {
      "index.php": "<?php\n",
      "public/.htaccess": "Deny\n",
      "README.md": "read\n",
      "tests/a.php": "<?php\n",
      "composer.json": "{}\n",
    },
  },
  ruby: {
    dockerfile: `FROM busybox AS base
RUN mkdir -p /bundle/gems/rails /bundle/gems/old && echo r > /bundle/gems/rails/rails.rb && echo o > /bundle/gems/old/o.rb
FROM base
COPY Gemfile* /app/
WORKDIR /app
RUN rm -rf /bundle/gems/old && rm -r /bundle/gems/rails && mkdir /bundle/gems/rails && echo 7 > /bundle/gems/rails/VERSION
COPY config /app/config
COPY bin bin/
RUN chmod 700 bin/rails && rm config/master.key
`,
    files: {
      Gemfile: "gem 'rails'\n",
      "Gemfile.lock": "GEM\n",
      "config/master.key": { text: "k\n", mode: 0o600 },
      "config/app.rb": "x\n",
      "bin/rails": { ...script, text: "#!/bin/sh\n" },
      "bin/setup": { ...script, text: "#!/bin/sh\n" },
    },
  },
  dotnet: {
    dockerfile: `FROM busybox AS build
ARG CONFIGURATION=Release
WORKDIR "/src/with space"
COPY *.sln .
COPY src/*/*.csproj ./projects/
RUN ls projects > found && echo $CONFIGURATION >> found
COPY src/ .
RUN mkdir -p /app/publish && cp Api/Api.csproj found /app/publish/
FROM busybox AS final
WORKDIR /app
COPY --from=build /app/publish .
LABEL org.opencontainers.image.title="An API" vendor=$NOTHING
ENTRYPOINT ["dotnet", "Api.dll"]
`,
    files: {
      "App.sln": "sln\n",
      "src/Api/Api.csproj": "api\n",
      "src/Core/Core.csproj": "core\n",
      "src/Core/bin/Debug/x.dll": "left out\n",
      ".dockerignore": "**/bin\n**/obj\n",
    },
  },
};
