/** Build is what one build of the wallet consists of. */
export interface Build {
  /** Changes when any file does. */
  readonly version: string;
  /** What all addresses of the wallet begin with, and the address of its page. */
  readonly shell: string;
  /** The addresses of the files that the wallet cannot open without. */
  readonly files: readonly string[];
  /** The addresses of the rest, fetched when there is time. */
  readonly later: readonly string[];
}
