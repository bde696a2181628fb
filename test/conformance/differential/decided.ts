/** A difference that stays, and why. */
export interface Decision {
  /** What differs, as one sentence for users. */
  readonly what: string;
  readonly why: string;
  /** Found in `scenario · step · place`. */
  readonly where: RegExp;
  /** Also found in what Docker gives, and in what Duet gives, as JSON. */
  readonly docker?: RegExp;
  readonly duet?: RegExp;
  /** Only beside dockerds of this version; otherwise beside all. */
  readonly beside?: string;
}

/** Every difference from the real Docker daemon that was decided upon. What is not here is a bug. */
export const decisions: readonly Decision[] = [
  {
    what: "A failure's message may go on with a line that says what to do.",
    why: "The first line is Docker's; clients show both.",
    where: / · (body\.message|body)\+hint$/,
  },
  {
    what: "Malformed numbers, times and JSON are named in Duet's words, not in those of Go's library.",
    why: "The words are of a parser that Duet does not have; the status is the same, and the message says what is wrong and where.",
    where: / · body\.message$/,
    docker:
      /strconv\.|cannot unmarshal|unexpected EOF|invalid syntax|got EOF|invalid character|parsing time|value as time or duration|value out of range/,
  },
  {
    what: "Some malformed values that Docker answers with 500 are answered with 400, or 404 where nothing is there.",
    why: "The mistake is the client's; 500 makes clients try again.",
    where: / · status$/,
    docker: /^500$/,
    duet: /^40[04]$/,
  },
  {
    what: "Answers to paths that are no endpoint have the headers of all other answers.",
    why: "Docker leaves them out for want of a handler; they do no harm.",
    where: / · headers\.(api-version|docker-experimental|ostype)$/,
    docker: /^undefined$/,
  },
  {
    what: "The failure of a container's process to start is told without the names of containerd's parts.",
    why: "Duet has no containerd and no such tasks; the runtime's own words are the same.",
    where: / · body\.(message|State\.Error|error|\[\d+\]\..*)(\+hint)?$/,
    docker: /failed to create (task for container|shim task)/,
    duet: /^"OCI runtime create failed: /,
  },
  {
    what: "An exec that ran already, an attach to what does not exist and detach keys that mean nothing are refused in JSON.",
    why: "Docker has turned the connection into a stream by then, and tells it there, after a 200.",
    where:
      /POST \/(exec\/\{\{exec\}\}\/start|containers\/absent\/attach|.*detachKeys)|\/attach\/ws · |^rare verbs · .*body\.sequence/,
  },
  {
    what: "The size of an exec's terminal cannot be set once it has ended: 409 instead of 404.",
    why: "The exec is still there; containerd's process is what Docker does not find.",
    where: /POST \/exec\/\{\{\w+\}\}\/resize/,
  },
  {
    what: "A user that the container does not know is told when the exec starts.",
    why: "Only the start enters the container; the exit code and the message are the same.",
    where: /"User":"nobody-here"|\{\{who\}\}|^exec · .*body\.sequence/,
  },
  {
    what: "A process limit of 4,096 holds where a container asks for none.",
    why: "A fork bomb in one container must not take the host's processes; `--pids-limit -1` lifts it.",
    where: /pids_stats\.limit$/,
    docker: /^undefined$/,
  },
  {
    what: "The failure of an exec to start ends in `: unknown`.",
    why: "So do Docker's own packages say it; Debian's build leaves the word out.",
    where: /POST \/exec\/.*\/start.* · body/,
    docker: /OCI runtime exec failed/,
    duet: /OCI runtime exec failed.*: unknown/,
  },
  {
    what: "A container that is to join a network or a container that does not exist is refused at create.",
    why: "Docker creates it and refuses its start, which leaves a container that cannot run.",
    where: /"(NetworkMode":"(container:)?absent|EndpointsConfig":\{"absent)"/,
  },
  {
    what: "A host name, a port's protocol or a user namespace mode that means nothing is refused at create.",
    why: "Docker takes it and ignores it or fails at start; what a container asks for is never silently dropped.",
    where: /"(80\/abc|UsernsMode":"nonsense|Hostname":"not a name)"/,
  },
  {
    what: "A device, limit, sysctl, address, path, port or runtime that means nothing is refused at create, a signal of a restart and a share of an update at once.",
    why: "Docker takes them and fails at start, where nobody looks for the mistake, or ignores them.",
    where:
      /^(limits that are refused · .*"(Devices|DeviceCgroupRules|Ulimits|Sysctls|Tmpfs|Dns|SecurityOpt|IpcMode|HostIp|SizeBytes|Runtime|Volumes|Domainname|0\/tcp|80-70\/tcp)"|rare verbs · .*(restart\?t=0&signal=nonsense|rare\/start|body\.sequence)|updates of every field).* · (status|body\.(message|HostConfig\.CpuShares|sequence))$/,
  },
  {
    what: "Ranges of ports may be published by one key such as `80-81/tcp`.",
    why: "It is how they are exposed; Docker takes them only there.",
    where: /"80-81\/tcp"/,
    duet: /^(201|undefined)$/,
  },
  {
    what: "A limit of the kernel's memory is ignored with a warning.",
    why: "Kernels no longer have it; Docker passes it on without a word.",
    where: /POST \/containers\/create.* · body\.Warnings$/,
    duet: /KernelMemory is ignored/,
  },
  {
    what: "The space that is taken does not tell of annotations in versions before 1.46.",
    why: "Neither do Docker's lists, nor its description of the API.",
    where: /GET \/system\/df · body\.Containers\[\d\]\.HostConfig\.Annotations$/,
    duet: /^undefined$/,
  },
  {
    what: "Images tell of their manifests when they are asked for.",
    why: "As Docker does with containerd's image store; its older store has none.",
    where: /manifests=1 · body(\[\d+\])?\.Manifests$/,
    docker: /^undefined$/,
  },
  {
    what: "Classic builds make no images of the layers between, and print no lines of them.",
    why: "They are cached as BuildKit caches them; every other line is the same.",
    where:
      /^builds( that fail)? · .*( · body\.layers| · body\.Parent|\.ParentId|GET \/containers\/json\?all=1 · body)$/,
  },
  {
    what: "Classic builds write an image's history as BuildKit does, with a layer for each command that ran.",
    why: "The one solver builds for both of Docker's interfaces.",
    where: /^builds · .*( · body\.Comment|history · body|\.RootFS\.Layers)$/,
  },
  {
    what: "Containers of a build's commands are no containers of the engine, and tell no events.",
    why: "They are the solver's own, as BuildKit's are.",
    where: /^builds that fail · .*GET \/events.*body\.sequence$/,
  },
  {
    what: "What classic builds cached is pruned as build cache.",
    why: "Docker has it as images, which `image prune` removes.",
    where: /POST \/build\/prune.* · body\.CachesDeleted$/,
    docker: /^null$/,
  },
  {
    what: "A classic build whose base is not to be had, whose network means nothing or whose outputs are for BuildKit fails with a status, and a Dockerfile's path is looked for below the context.",
    why: "Docker tells of some of it in the stream, where simple clients do not look, and ignores the rest.",
    where:
      /^builds that fail · .*(absent-image|networkmode=absent|outputs=|dockerfile=\.\.\/Dockerfile|memory=x).* · (status|body\.message)$/,
  },
  {
    what: "An answer without a body has no content type.",
    why: "There is nothing that could have one.",
    where: /POST \/build\/cancel\?id=absent · headers\.content-type$/,
  },
  {
    what: "A registry that cannot be reached is told in a build's stream without Go's words for networks.",
    why: "The message names the registry and the cause.",
    where: /^builds that fail · .*body\[\d\]\.error(Detail\.message)?$/,
    docker: /dial tcp/,
    duet: /cannot reach/,
  },
  {
    what: "A member of an archive that leads out of the target is refused with 403.",
    why: "500 would blame the engine.",
    where: /PUT \/.*"(\.\.\/x|etc)":.* · (status|body\.message)$/,
    duet: /^403$|leads out of the root|EISDIR/,
  },
  {
    what: "A list narrowed to the isolation `process` has none of Duet's workloads in it.",
    why: "Theirs are `container` and `vm`; Docker on Linux takes any word for its one isolation.",
    where: /isolation%22%3A%5B%22process/,
  },
  {
    what: "Duet knows the isolations `container` and `vm` besides `default`.",
    why: "Choosing one is what Duet is for.",
    where: /"Isolation":"nonsense".* · body\.message/,
  },
  {
    what: "A body with a type that web pages may send is refused with 403 rather than 400.",
    why: "The same gate keeps web pages away from the engine; clients never send these types.",
    where: /POST \/containers\/create x · /,
  },
  {
    what: "A loaded image has a digest.",
    why: "Duet keeps images as OCI does, like Docker with containerd's image store; Docker's older store forgets the digest.",
    where: /\.RepoDigests/,
  },
  {
    what: "Versions, names of parts and paths in `version` and `info` are Duet's own.",
    why: "They say what runs.",
    where:
      /GET \/(version|info) · body\.(Platform\.Name|Components|Version|GitCommit|GoVersion|BuildTime|ServerVersion|InitBinary|\w+Commit|Containerd|Runtimes|FirewallBackend|CDISpecDirs|Plugins|DriverStatus|KernelMemory\w*|BridgeNf\w+|LiveRestoreEnabled)\b/,
  },
  {
    what: "What lies below /proc and other mounts of a running container can be copied out.",
    why: "Duet looks at a running container's files as its processes see them; Docker has a view without mounts of the kernel.",
    where: /^files in and out · .*(path=\/proc\/uptime|body\.sequence)/,
  },
  {
    what: "Words that are misspelt in Docker are spelt.",
    why: "Nobody compares them.",
    where: / · body\.message$/,
    docker: /pathcannot/,
  },
  {
    what: "A registry that cannot be reached is told with 503.",
    why: "500 would blame the engine. The message names the registry and the cause.",
    where:
      /(POST \/(auth|images\/create)|GET \/(distribution|images\/search)).* · (status|body\.message)$/,
    docker: /^500$|(dial tcp|connection refused|network is unreachable)/,
    duet: /^503$|cannot reach/,
  },
  {
    what: "A working directory that is a file is told at the start.",
    why: "Create does not enter the root file system.",
    where: /^starts that fail · .*("WorkingDir":"\/etc\/passwd"|\/f5\/|body\.sequence)/,
  },
  {
    what: "`--volumes-from` a container with a tmpfs works.",
    why: "Docker 28 looks there for a volume without a name, and fails.",
    where: /^mounts of a container · .*(heir|body\.sequence)/,
  },
  {
    what: "Lists of containers give the source of each volume.",
    why: "Docker leaves out that of an anonymous one in lists, and gives it in inspect.",
    where: /GET \/containers\/json.*Mounts\[\d+\]\.Source$/,
    docker: /^""$/,
  },
  {
    what: "A statistics sample taken with `one-shot` names its container.",
    why: "The description of the API says so; Docker forgets it there.",
    where: /one-shot=[1x].* · body\.(name|id)$/,
  },
  {
    what: "A container that was only created has no empty files for its mounts.",
    why: "Docker lays them under each container in a layer of its own; Duet makes them at the start.",
    where: /^files in and out · .*archive\?path=\/etc(\/\.)? · body$/,
  },
  {
    what: "A stream of statistics says that it is JSON.",
    why: "So does the description of the API; Docker names no type there.",
    where: /stats\?stream=.* · headers\.content-type$/,
    docker: /^undefined$/,
  },
  {
    what: "The names of a container on a network are shown while it runs.",
    why: "Only then do they lead anywhere; Docker also shows those of a stopped one, and of one that was connected before its start.",
    where: /\.DNSNames$/,
    duet: /^null$/,
  },
  {
    what: "Duet speaks the versions 1.24 to 1.51 of the API, as Docker 28 does.",
    why: "It is held against Docker 28; 20.10 knows older and no newer ones.",
    where:
      /GET \/(version|info) · (status|body\.(message|ApiVersion|MinAPIVersion|KernelMemory|RegistryConfig|SecurityOptions))/,
    beside: "20.10",
  },
  {
    what: "Requests that name no image, `docker tag` without a name and `docker save` of nothing, are refused.",
    why: "Docker answers with 200 and does nothing.",
    where: /(POST \/images\/busybox\/tag|GET \/images\/get) · status$/,
    docker: /^200$/,
    duet: /^400$/,
  },
  {
    what: "A load of what is no archive fails with a status.",
    why: "Docker answers 200 and tells of the failure in the stream, where simple clients do not look. Once images are being read, Duet tells it there, too.",
    where: /POST \/images\/load.* · (status|body\.message)$/,
    docker: /^200$|^undefined$/,
  },
  {
    what: "An image's inspect and a list's mounts of images do not name the daemon's folders.",
    why: "They are no interface: layers are shared, and those of virtual machines are no folders.",
    where: /GET \/images\/.*\/json(\?\S*)? · body\.GraphDriver\.Data$|Mounts\[\d\]\.Source$/,
    duet: /^(null|"")$/,
  },
  {
    what: "An image that `commit` made does not say that a version of Docker made it.",
    why: "It did not.",
    where: /GET \/images\/.*\/json · body\.DockerVersion$/,
    duet: /^""$/,
  },
  {
    what: "In versions before 1.45, an image that `commit` or a build made does not tell of its container.",
    why: "Nobody knows it once the image was pushed; newer versions do not tell it, either.",
    where: /GET \/images\/(made|built).*\/json · body\.Container(Config\.\w+)?$/,
  },
  {
    what: "A request to make an image that names no source is refused with 400.",
    why: "Docker fetches the URL `http:` and answers with 500 that it has no host.",
    where: /POST \/images\/create · (status|body\.message)$/,
    duet: /^400$|fromImage or fromSrc/,
  },
  {
    what: "Lists of containers say each one's isolation.",
    why: "It is what Duet's users look for; clients pass over fields that they do not know.",
    where: /GET \/(containers\/json|system\/df).* · body.*\.HostConfig\.Isolation$/,
  },
  {
    what: "`system df` counts with images all that lies on disk for them, and says in `ImageStorage` what it is.",
    why: "Layers are kept as registries have them, too, so that a push needs no compressing; a size without that is not what a removal gives back. The sizes of single images are there what each takes in all, and of what images in use have in common one shares nothing: so Docker's client, which works out for itself what may be reclaimed, comes to what a prune gives back.",
    where: /GET \/system\/df.* · body\.ImageStorage$/,
  },
  {
    what: "The space that an image prune reports is all that it gave back, manifests and configurations, too.",
    why: "Docker counts layers; Duet tells what the disk has more afterwards.",
    where: /\.Attributes\.reclaimed$/,
  },
  {
    what: "The `Server` header names Duet.",
    why: "A client that logs it should log what it talked to.",
    where: / · headers\.server$/,
  },
  {
    what: "Every failure also has `class`, `code` and, where there is one, `hint` beside `message`.",
    why: "Docker's clients read only `message`; programs can tell Duet's failures apart without reading prose.",
    where: / · body\.(class|code|hint)$/,
  },
  {
    what: "Duet speaks newer versions of the API than Docker 20.10, and says so.",
    why: "Clients negotiate down to what they know.",
    where: / · headers\.api-version$/,
    beside: "20.10",
  },
];
