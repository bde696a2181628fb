/**
 * Scripts that ask `duet completion candidates WORD…` at each tab; the last word is the one being
 * typed. Candidates come a line each, `:files` or `:folders` for the shell's own.
 */
const bash = `_duet() {
  local current words candidates
  current="\${COMP_WORDS[COMP_CWORD]}"
  words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  candidates="$(duet completion candidates -- "\${words[@]}" 2>/dev/null)"
  case "$candidates" in
    :files) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames ;;
    :folders) COMPREPLY=($(compgen -d -- "$current")); compopt -o filenames ;;
    *) local IFS=$'\\n'; COMPREPLY=($(compgen -W "$candidates" -- "$current")) ;;
  esac
}
complete -F _duet duet`;

const zsh = `#compdef duet
_duet() {
  local -a candidates
  candidates=("\${(@f)$(duet completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case "$candidates[1]" in
    :files) _files ;;
    :folders) _files -/ ;;
    *) compadd -a candidates ;;
  esac
}
compdef _duet duet`;

const fish = `function __duet_candidates
  set -l words (commandline -opc) (commandline -ct)
  set -l candidates (duet completion candidates -- $words[2..-1] 2>/dev/null)
  switch "$candidates[1]"
    case ':files'
      __fish_complete_path (commandline -ct)
    case ':folders'
      __fish_complete_directories (commandline -ct)
    case '*'
      printf '%s\\n' $candidates
  end
end
complete -c duet -f -a '(__duet_candidates)'`;

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

export function completionScript(shell: string): string | undefined {
  return Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
}
