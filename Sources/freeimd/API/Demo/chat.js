// Puts the page together: who the visitor is, the connection, what is known, what is shown.

import { Connection, Refusal } from "./connection.js"
import { Chat } from "./state.js"
import { View } from "./view.js"

/** Of this tab: a second tab is a second person, and a reload is the same one. */
const stored = {
  read() {
    try {
      return JSON.parse(sessionStorage.getItem("freeim-chat")) ?? {}
    } catch {
      return {}
    }
  },
  write(change) {
    try {
      sessionStorage.setItem("freeim-chat", JSON.stringify({ ...this.read(), ...change }))
    } catch {
      // Storage is switched off: a reload asks for the nickname again.
    }
  },
}

let visitor = stored.read()
let me

/** Asks the business service, here the node's demo endpoint, for a URL to connect with. */
async function fetchURL(signal) {
  const response = await fetch("/demo/connect", {
    method: "POST", signal, headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ nickname: visitor.nickname, key: visitor.key }),
  })
  if (response.status >= 500 || response.status === 408 || response.status === 429) {
    throw new Error(`status ${response.status}`)
  }
  const answer = await response.json()
  if (!response.ok) throw new Refusal(answer.error?.message ?? `The server answered ${response.status}.`)
  visitor = { ...visitor, key: answer.key }
  stored.write({ nickname: visitor.nickname, key: answer.key })
  me = { client: answer.client, nick: answer.nickname }
  return answer.url
}

const connection = new Connection(fetchURL, {
  state() {
    if (connection.state !== "open") chat.closed()
    view.showState(connection.state, connection.reason)
  },
  open() { chat.opened(me) },
  text(text) { chat.receive(text) },
  refused(message) { view.askNickname(visitor.nickname, message) },
})

const chat = new Chat(command => connection.send(JSON.stringify(command)), {
  change() { view.refresh() },
  toast(text) { view.toast(text) },
  rooms(rooms) { stored.write({ rooms }) },
})

const view = new View(chat, {
  nickname(nickname) {
    visitor = { ...visitor, nickname }
    connection.start()
  },
  connect() {
    if (connection.state === "waiting") connection.hurry()
    else connection.start()
  },
})

const rooms = Array.isArray(visitor.rooms) ? visitor.rooms.filter(name => typeof name === "string") : []
for (const room of rooms.length > 0 ? rooms : ["lobby"]) chat.enter(room)
if (visitor.nickname) connection.start()
else view.askNickname("")

addEventListener("online", () => connection.hurry())
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return
  connection.hurry()
  connection.probe(JSON.stringify({ do: "rooms" }))
  if (chat.selected) chat.select(chat.selected)
})
