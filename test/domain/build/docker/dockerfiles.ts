import { slips } from "./slips.ts";

/** A Dockerfile whose reading is compared with Docker's; its base is the tests' busybox. */
export interface Example {
  readonly text: string;
  readonly arguments?: readonly string[];
  readonly target?: string;
  readonly labels?: readonly string[];
}

function example(lines: TemplateStringsArray, ...values: readonly string[]): Example {
  return { text: String.raw(lines, ...values) };
}

/** Dockerfiles by what they show. Their context has the files `a`, `b/y` and `sp ace`. */
export const examples: Readonly<Record<string, Example>> = {
  ...slips,
  "all instructions": example`FROM busybox AS build
ARG V=1
ENV A=b
RUN echo hi
WORKDIR src
COPY --chown=1:2 a b/* dest/
RUN <<EOT
echo hi
EOT
CMD echo hi
ENTRYPOINT ["a", "b\tc"]
HEALTHCHECK --interval=5m --timeout=1m30s --start-period=1.5s --start-interval=20ms --retries=3 CMD curl x
EXPOSE 80 90-92/udp 70
VOLUME /a /b
SHELL ["/bin/ash", "-c"]
ONBUILD RUN x
USER 5
STOPSIGNAL SIGINT
MAINTAINER me
LABEL a=b c="d e"
`,
  "several stages": example`ARG BASE=busybox
FROM $BASE AS one
ARG A=1
ENV E=e
WORKDIR /w
FROM one AS two
RUN echo $A $E
COPY --from=one /etc /etc2
FROM scratch AS three
COPY --from=two /w /w
COPY --from=0 /w /w0
FROM busybox AS unused
RUN false
FROM three
COPY --link a /link
`,
  "a target": {
    ...example`FROM busybox AS one
RUN echo 1
FROM busybox AS two
RUN false
`,
    target: "ONE",
  },
  "an unknown target": {
    ...example`FROM busybox AS stage
FROM busybox
`,
    target: "stagr",
  },
  "arguments and their order": {
    text: `ARG G=global
ARG H=$G-h
FROM busybox
ARG G
ARG H=other
ARG N
ARG TARGETPLATFORM
ARG TARGETARCH TARGETOS BUILDPLATFORM
ARG D=d\${G}
ENV D=env-$D
ARG D=again
RUN echo $G $H $N $D $TARGETPLATFORM
ENV X=\${D} Y=\${NO} Z="\${NO:-w}"
LABEL x=$X y=$Y n=$N
`,
    arguments: ["H=given", "N=n", "UNUSED=u", "HTTP_PROXY=http://proxy"],
    labels: ["by=client", "x=over"],
  },
  "words and quotes": example`FROM busybox
ENV A="a b" B='c $A' C=d\ e F="g\"h" G='i"j' H=x$A\$A I=\\ "J K"=l
ENV OLD some  words "in $A" quotes
LABEL a."b"=c 'd e'=f g=
WORKDIR "/a b"
WORKDIR c\ d
USER "$A"
VOLUME "/x y" /z$A
EXPOSE $P 80
STOPSIGNAL ${"${S:-SIGKILL}"}
`,
  "forms of variables": {
    text: `FROM busybox
ENV V=foo/bar/baz.tar.gz E= P=a*b
LABEL a=\${V#*/} b=\${V##*/} c=\${V%.*} d=\${V%%.*} e=\${V/a/X} f=\${V//a/X} g=\${V:-n} h=\${U:-n} i=\${U-n} j=\${E:-n} k=\${E-n}
LABEL l=\${V:+s} m=\${V+s} n=\${U:+s} o=\${E:+s} p=\${E+s} q=\${V#foo} r=\${V%gz} s=\${V#x*} t=\${V/o*a/-} u=\${V//?a/_}
LABEL v=\${P#a\\*} w=\${V/\\//-} x=\${V//\\//-} y=\${U:-\${V:-z}} z="\${U:-'q'}" aa=\${V%} ab=\${V#?} ac=\${V%%?} ad=\${V##*a} ae=\${V%a*}
LABEL af=$ ag=$$ ah=\${V}x ai=$V_x aj=$1 ak=\${V:?no} al=\${V?no} am="\${U:-a b}" an='$U'
`,
  },
  "a variable that must be set": example`FROM busybox
ENV A="${"${B:?is needed}"}"
`,
  "a variable that must be set, without words": example`FROM busybox
ENV A=${"${B?}"}
`,
  "a variable that must not be empty": example`FROM busybox
ENV B=
ENV A=${"${B:?}"}
`,
  "a brace that is not closed": example`FROM busybox
ENV A=${"${B"}
`,
  "a brace without a name": example`FROM busybox
ENV A=${"${}"}
`,
  "an unknown modifier": example`FROM busybox
ENV A=${"${B^^}"}
`,
  "an unknown modifier after a colon": example`FROM busybox
ENV A=${"${B:=x}"}
`,
  "a replacement without an end": example`FROM busybox
ENV A=${"${B/x}"}
`,
  "a pattern with a wrong escape": example`FROM busybox
ENV B=x
ENV A=${"${B#\\q}"}
`,
  "a quote that is not closed": example`FROM busybox
ENV A="b
`,
  "a single quote that is not closed": example`FROM busybox
LABEL A='b
`,
  "continued lines": {
    text: `FROM busybox
RUN echo a \\
  # comment
   b \\   \n  c
ENV A=1 \\

 B=2
LABEL x="a\\
b" \\
y=2
RUN echo \\\\
`,
  },
  "the escape directive": {
    text: "# escape=`\nFROM busybox\nENV A=C:\\dir B=a` b\nRUN echo `\n hi\nLABEL x=`$A y=\\$A\n",
  },
  "directives and comments": {
    text: "#check=skip=JSONArgsRecommended, MaintainerDeprecated\n# escape = \\\n\n# comment\nFROM busybox\n  # indented\nMAINTAINER x\nCMD a\nWORKDIR r\n",
  },
  "a wrong escape directive": { text: "# escape=x\nFROM busybox\n" },
  "a directive twice": { text: "# escape=\\\n# escape=\\\nFROM busybox\n" },
  "a byte order mark and CRLF": {
    text: "\uFEFFFROM busybox\r\nRUN echo \\\r\n hi\r\nCOPY <<E /x\r\nbody\r\nE\r\n",
  },
  "here-documents": {
    text: `FROM busybox
ENV V=v
RUN <<-EOT
	echo tabs
	echo $V
EOT
RUN <<A cat && cat <<B
first
A
second
B
RUN cat <<'Q' > /q
$V
Q
RUN <<S
#!/bin/sh
echo script
S
COPY <<one <<"two" <<-three /d/
$V \\$V "q" \\n
one
$V
two
	tab $V
three
COPY <<EOT /e
EOT
`,
  },
  "a here-document without an end": { text: "FROM busybox\nRUN <<EOT\necho\n" },
  "a here-document as destination": { text: "FROM busybox\nCOPY a <<EOT\nx\nEOT\n" },
  "run's flags": {
    text: `FROM busybox AS o
FROM busybox
ARG T=/t
RUN --mount=type=cache,target=/c,sharing=locked,mode=0700,uid=1 --mount=from=o,target=/o --mount=type=bind,src=b,dst=$T,rw --mount=type=tmpfs,target=/tmp,size=1m true
RUN --mount=type=secret,id=s --mount=type=secret,id=t,env=T,required=false --mount=type=ssh true
RUN --network=none true
RUN ["echo", "$T", "a b"]
WORKDIR /w
RUN --mount=target=. true
`,
  },
  "copy and its flags": {
    text: `FROM busybox
ARG OWNER=3:4 MODE=0640 EX=y
WORKDIR /w
COPY --chown=$OWNER --chmod=$MODE --exclude=$EX a b d/
COPY --chmod=u=rwX,go=r a .
COPY ["sp ace", "/x y/"]
COPY a b/../a ./././n/../m
COPY . .
ADD --chmod=755 b /t/
ADD --unpack=true a /u
COPY * /all/
`,
  },
  "triggers of a stage": {
    text: `FROM busybox AS base
ARG V=1
ONBUILD COPY a /onbuild
ONBUILD RUN echo $V
ONBUILD ENV O=o
ONBUILD WORKDIR /t
FROM base
RUN echo after
`,
  },
  "command and entrypoint": {
    text: `FROM busybox AS one
CMD ["one"]
FROM one AS two
ENTRYPOINT ["two"]
FROM one AS three
CMD ["three"]
ENTRYPOINT three
SHELL ["/bin/x", "-y"]
CMD four
FROM three
ENTRYPOINT []
CMD []
`,
  },
  casing: {
    text: `FROM busybox AS UpPer
from busybox as lower
RUN true
run true
Env A=b
FROM busybox as mixed
RUN true
`,
  },
  "names of stages": {
    text: `FROM busybox AS scratch
FROM busybox AS context
FROM busybox AS twice
FROM busybox AS twice
`,
  },
  "secrets and variables that are not set": {
    text: `FROM busybox
ARG GITHUB_TOKEN PUBLIC_KEY
ENV PASSWORD=x API_KEY_FILE=y
ENV PAHT=$PAHT:/x
COPY $NOTHING a /$FOO/
RUN echo $UNSET
CMD a
CMD b
ENTRYPOINT a
ENTRYPOINT ["b"]
HEALTHCHECK CMD a
HEALTHCHECK CMD b
ENV OLD value
LABEL OLD value
`,
  },
  "platforms in from": {
    text: `FROM --platform=linux/amd64 busybox AS one
FROM --platform=$TARGETPLATFORM busybox AS two
FROM --platform=$BUILDPLATFORM busybox AS three
FROM --platform=linux/amd64 busybox AS amd64-four
`,
  },
  "undeclared arguments in from": {
    text: `ARG TAG=latest
ARG EMPTY
FROM busybox:$TAGG$TAG AS one
FROM busy\${EMPTY}box
`,
  },
  "a default that is no image": {
    text: `ARG TAG
FROM busybox:\${TAG}
`,
    arguments: ["TAG=latest"],
  },
  "warnings as errors": { text: `# check=error=true\nFROM busybox\nCMD a\nWORKDIR x\n` },
  "rules that are skipped": { text: `# check=skip=all\nFROM busybox\nCMD a\nWORKDIR x\n` },
  "an error beside warnings as errors": {
    text: `# check=error=true\nFROM busybox as one\nMAINTAINER x\nLABEL a=\${A:?no}\n`,
  },
  "a workdir that a variable makes relative": {
    text: `FROM busybox\nENV A=a\nWORKDIR $A\nWORKDIR $A\n`,
  },
  "workdirs that are not clean": {
    text: `FROM busybox\nWORKDIR /w/\nRUN pwd\nWORKDIR /w//x/../y\nCOPY a .\nWORKDIR z/../q/\nWORKDIR //\n`,
  },
  "a workdir that a variable makes absolute": {
    text: `FROM busybox\nENV A=/a\nWORKDIR $A\nWORKDIR x\n`,
  },
  "a here-document with nothing in it": {
    text: `FROM busybox\nRUN <<EOF\nEOF\nRUN <<EOF\n\n  \nEOF\n`,
  },
  "a target by its number": { text: `FROM busybox\nFROM busybox\n`, target: "1" },
  "a target that is not there before a base that is none": {
    text: `FROM BASE\nFROM busybox\n`,
    target: "two",
  },
  "an index that is not there before a base that is none": {
    text: `FROM BASE\nFROM busybox\nCOPY --from=7 a /\n`,
  },
  "wrong options for rules": { text: `# check=foo=bar\nFROM busybox\n` },
  "experimental rules": {
    text: `# check=experimental=all
# What it is
ARG A=b
FROM busybox
# bar something
ARG FOO=bar
`,
  },
};
