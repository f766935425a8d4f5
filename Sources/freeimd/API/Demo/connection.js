// One WebSocket that is opened again when it ends, as long as the server wants that.

/** Close codes after which a terminal connects again; all others are final. 1005 and 1006 are the browser's own. */
export function shouldReconnect(code) {
  return [1001, 1005, 1006, 1011, 1012, 1013, 1014].includes(code) || (code >= 4000 && code < 4500)
}

const firstPause = 500
const longestPause = 20_000
/** Seconds; whoever asks for more is not believed. */
const longestSuggestion = 120
/** Nothing but a long connection proves that things are well again. */
const steadyAfter = 5_000
const requestTimeout = 10_000
/** How long a connection may take to answer after the computer slept. */
const answerTimeout = 5_000

/**
 * Milliseconds before the next try: twice as many with each failure, and spread so that the terminals of a node that
 * stopped do not come back all at once.
 */
export function retryPause(failures, random = Math.random) {
  const pause = Math.min(longestPause, firstPause * 2 ** Math.min(failures, 16))
  return pause / 2 + random() * pause / 2
}

/** Milliseconds after which the server wants to see the terminal again, as it said when it closed; undefined if it did not. */
export function suggestedPause(reason) {
  try {
    const seconds = JSON.parse(reason).retry_after
    return typeof seconds === "number" && seconds >= 0 && seconds <= longestSuggestion ? seconds * 1000 : undefined
  } catch {
    return undefined
  }
}

/** The server said no, for a reason that another try does not change. */
export class Refusal extends Error {}

/**
 * Keeps a connection. States: idle, connecting, open, waiting (for the next try), stopped.
 *
 * `fetchURL` is asked for a URL before each try, since a URL works once. It throws `Refusal` where trying again is of no
 * use.
 */
export class Connection {
  state = "idle"
  /** Why the connection stopped. */
  reason = ""
  #fetchURL
  #on
  #socket
  #timers = new Map()
  #failures = 0
  /** Which try this is; what an older one still has to say does not count. */
  #round = 0

  /** @param on {{state(), open(), text(string), refused(string)}} */
  constructor(fetchURL, on) {
    this.#fetchURL = fetchURL
    this.#on = on
  }

  /** Connects now, whatever was before. */
  start() {
    this.#failures = 0
    this.#connect()
  }

  stop(reason = "") {
    this.#drop()
    this.#enter("stopped", reason)
  }

  /** Does not wait any longer for the next try. */
  hurry() {
    if (this.state === "waiting") this.#connect()
  }

  /** False where nothing can be sent now. */
  send(text) {
    if (this.state !== "open" || this.#socket.readyState !== WebSocket.OPEN) return false
    this.#socket.send(text)
    return true
  }

  /** Sends what will be answered; without an answer the connection is dead, although nobody said so. */
  probe(text) {
    if (!this.send(text) || this.#timers.has("answer")) return
    this.#later("answer", answerTimeout, () => this.#retry())
  }

  async #connect() {
    this.#drop()
    this.#enter("connecting")
    const round = this.#round
    let url
    try {
      url = await this.#fetchURL(AbortSignal.timeout(requestTimeout))
    } catch (error) {
      if (round !== this.#round) return
      if (!(error instanceof Refusal)) return this.#retry()
      this.stop(error.message)
      return this.#on.refused(error.message)
    }
    if (round !== this.#round) return
    let socket
    try {
      socket = new WebSocket(url)
    } catch (error) {
      return this.stop(`The server's address is not usable: ${error.message}`)
    }
    this.#socket = socket
    this.#later("open", requestTimeout, () => this.#retry())
    socket.onopen = () => this.#opened(round)
    socket.onmessage = event => this.#received(round, event.data)
    socket.onclose = event => this.#closed(round, event)
  }

  #opened(round) {
    if (round !== this.#round) return
    this.#cancel("open")
    this.#later("steady", steadyAfter, () => { this.#failures = 0 })
    this.#enter("open")
    this.#on.open()
  }

  #received(round, data) {
    if (round !== this.#round) return
    this.#cancel("answer")
    if (typeof data === "string") this.#on.text(data)
  }

  #closed(round, event) {
    if (round !== this.#round) return
    if (shouldReconnect(event.code)) return this.#retry(suggestedPause(event.reason))
    this.stop(`The server closed the connection${event.reason ? `: ${event.reason}` : ""} (${event.code}).`)
  }

  #retry(suggested) {
    this.#drop()
    const pause = suggested ?? retryPause(this.#failures)
    this.#failures += 1
    this.#enter("waiting")
    this.#later("retry", pause, () => this.#connect())
  }

  #drop() {
    this.#round += 1
    for (const name of [...this.#timers.keys()]) this.#cancel(name)
    this.#socket?.close()
    this.#socket = undefined
  }

  #enter(state, reason = "") {
    this.state = state
    this.reason = reason
    this.#on.state()
  }

  #later(name, pause, action) {
    this.#cancel(name)
    this.#timers.set(name, setTimeout(() => {
      this.#timers.delete(name)
      action()
    }, pause))
  }

  #cancel(name) {
    clearTimeout(this.#timers.get(name))
    this.#timers.delete(name)
  }
}
