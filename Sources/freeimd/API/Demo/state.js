// What the page knows: conversations, rooms, people. Knows nothing of how it is shown.

const maximumEntries = 300
const maximumDirects = 50
const maximumOnline = 500
const maximumToasts = 3
/** What a message's state may become: only something further down. */
const order = ["sending", "failed", "sent", "delivered", "offline"]
/** FreeIM's words for what became of a direct message. */
const receipts = { "发送成功": "delivered", "用户不在线": "offline" }

const roomKey = name => `room:${name}`
const directKey = client => `direct:${client}`

/** Works also where `crypto.randomUUID` does not: on pages that came without TLS from another machine. */
function makeID() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map(byte => byte.toString(16).padStart(2, "0")).join("")
}

export class Chat {
  me
  /** By key, in the order in which they were opened. */
  conversations = new Map()
  selected
  /** Room names and how many people are in each. */
  rooms = new Map()
  /** Clients and nicknames. */
  online = new Map()
  onlineTotal = 0
  #send
  #on
  #serial = 0

  /**
   * @param send sends an object; false where that is not possible now
   * @param on {{change(), toast(string), rooms(string[])}}
   */
  constructor(send, on) {
    this.#send = send
    this.#on = on
  }

  get current() { return this.conversations.get(this.selected) }
  get unread() { return [...this.conversations.values()].reduce((sum, each) => sum + each.unread, 0) }

  // What the visitor does

  select(key) {
    const conversation = this.conversations.get(key)
    if (!conversation) return
    this.selected = key
    conversation.unread = 0
    if (conversation.kind === "room") {
      // A join that was refused is tried again, and answered with the people too.
      this.#send({ do: conversation.isJoined ? "people" : "join", room: conversation.name })
    }
    this.#on.change()
  }

  enter(name) {
    const key = roomKey(name)
    if (!this.conversations.has(key)) {
      this.conversations.set(key, { ...this.#empty(key), kind: "room", name, isJoined: false, people: new Map() })
      this.#tellRooms()
    }
    this.select(key)
  }

  leave(name) {
    const key = roomKey(name)
    const conversation = this.conversations.get(key)
    if (!conversation) return
    this.#send({ do: "leave", room: name })
    this.conversations.delete(key)
    this.#tellRooms()
    if (this.selected === key) {
      this.selected = undefined
      this.select([...this.conversations.keys()].at(-1))
    }
    this.#on.change()
  }

  write(client, nick) {
    if (client === this.me?.client) return
    this.#direct(client, nick)
    this.select(directKey(client))
  }

  /** False where there is nothing to say or nobody to say it to. */
  say(text) {
    const conversation = this.current
    text = text.trim()
    if (!conversation || !text) return false
    const id = makeID()
    const entry = this.#add(conversation, { kind: "message", id, from: this.me, own: true, text, state: "sending" })
    this.#transmit(conversation, entry)
    return true
  }

  /** Sends a message again that did not get through. */
  repeat(entry) {
    if (entry.state !== "failed" || !this.current?.entries.includes(entry)) return
    entry.state = "sending"
    entry.problem = undefined
    this.#transmit(this.current, entry)
  }

  #transmit(conversation, entry) {
    const command = conversation.kind === "room"
      ? { do: "say", room: conversation.name, text: entry.text, id: entry.id }
      : { do: "direct", to: conversation.client, text: entry.text, id: entry.id }
    if (!this.#send(command)) this.#settle(entry, "failed", "not connected")
    this.#on.change()
  }

  // The connection

  opened(me) {
    this.me = me
    for (const room of this.#joinable()) this.#send({ do: "join", room: room.name })
    this.#send({ do: "rooms" })
    this.#send({ do: "people" })
    this.#on.change()
  }

  closed() {
    for (const conversation of this.conversations.values()) {
      if (conversation.kind === "room") conversation.isJoined = false
      for (const entry of conversation.entries) {
        if (entry.state === "sending") this.#settle(entry, "failed", "the connection ended")
      }
    }
    this.#on.change()
  }

  /** A text from the server. */
  receive(text) {
    const message = parse(text)
    switch (message?.type) {
      case "say": this.#said(message); break
      case "direct": this.#directed(message); break
      case "sent": this.#find(message.id).forEach(entry => this.#settle(entry, "sent")); break
      case "joined": this.#joined(message); break
      case "people": this.#people(message); break
      case "rooms": this.#counts(message); break
      case "news": this.#news(message); break
      case "left": break
      case "error": this.#refused(message); break
      default:
        if (typeof message?.receipt === "string") this.#receipt(message)
        else this.#other(text)
    }
    this.#on.change()
  }

  #said({ room, id, from, text }) {
    const conversation = this.conversations.get(roomKey(room))
    if (!conversation) return
    const own = from.client === this.me.client
    this.#arrive(conversation, { kind: "message", id, from, own, text, state: own ? "sent" : undefined })
  }

  #directed({ id, from, to, text }) {
    const own = from.client === this.me.client
    const peer = own ? to : from
    const conversation = this.#direct(peer.client, peer.nick)
    this.#arrive(conversation, { kind: "message", id, from, own, text, state: own ? "sent" : undefined })
  }

  /** FreeIM's receipt: the text of the message, and what became of it. */
  #receipt({ content, receipt }) {
    const message = parse(content)
    const client = message?.to?.client
    const conversation = this.conversations.get(directKey(client))
    const entry = conversation?.entries.find(each => each.own && each.id === message.id)
    if (!entry) return
    const state = receipts[receipt]
    this.#settle(entry, state ?? "sent", state ? undefined : receipt)
    if (state === "offline") this.online.delete(client)
  }

  #joined(message) {
    const conversation = this.conversations.get(roomKey(message.room))
    if (!conversation) return
    conversation.isJoined = true
    this.#people(message)
  }

  #people({ room, people, total }) {
    const found = new Map(people.map(person => [person.client, person.nick]))
    if (room === undefined || room === null) {
      this.online = found
      this.onlineTotal = total
      return
    }
    const conversation = this.conversations.get(roomKey(room))
    if (conversation) conversation.people = found
    this.rooms.set(room, total)
  }

  #counts({ rooms, online }) {
    this.rooms = new Map(rooms.map(each => [each.room, each.people]))
    this.onlineTotal = online
  }

  #news(news) {
    const toasts = []
    for (const change of news.changes) this.#changed(change, toasts)
    this.#counts(news)
    toasts.slice(0, maximumToasts).forEach(text => this.#on.toast(text))
    if (toasts.length > maximumToasts) this.#on.toast(`and ${toasts.length - maximumToasts} more came or went`)
    if (!news.isPartial) return
    this.#send({ do: "people" })
    if (this.current?.isJoined) this.#send({ do: "people", room: this.current.name })
  }

  #changed({ what, client, nick, room }, toasts) {
    const isMe = client === this.me.client
    const direct = this.conversations.get(directKey(client))
    const conversation = this.conversations.get(roomKey(room))
    switch (what) {
      case "online":
        if (isMe || this.online.has(client)) return
        if (this.online.size < maximumOnline) this.online.set(client, nick)
        toasts.push(`${nick} is online`)
        if (direct) this.#notice(direct, `${nick} is online`)
        break
      case "offline":
        if (isMe) return
        this.online.delete(client)
        toasts.push(`${nick} went offline`)
        if (direct) this.#notice(direct, `${nick} went offline`)
        break
      case "joined":
        if (!conversation || isMe) return
        conversation.people.set(client, nick)
        this.#notice(conversation, `${nick} joined`)
        break
      case "left":
        if (!conversation || isMe) return
        conversation.people.delete(client)
        this.#notice(conversation, `${nick} left`)
        break
    }
  }

  #refused({ message, id }) {
    const entries = id ? this.#find(id) : []
    entries.forEach(entry => this.#settle(entry, "failed", message))
    if (entries.length === 0) this.#on.toast(message)
  }

  /** A text that is none of the demo's: a business service sent it, over the HTTP API for instance. */
  #other(text) {
    if (this.current) this.#add(this.current, { kind: "server", text: text.slice(0, 4_000) })
  }

  // Conversations

  #empty(key) { return { key, entries: [], unread: 0, draft: "" } }

  #joinable() { return [...this.conversations.values()].filter(each => each.kind === "room") }

  #tellRooms() { this.#on.rooms(this.#joinable().map(each => each.name)) }

  #direct(client, nick) {
    const key = directKey(client)
    let conversation = this.conversations.get(key)
    if (!conversation) {
      conversation = { ...this.#empty(key), kind: "direct", client, name: nick }
      this.conversations.set(key, conversation)
      const directs = [...this.conversations.values()].filter(each => each.kind === "direct")
      const oldest = directs.find(each => each.key !== this.selected)
      if (directs.length > maximumDirects && oldest) this.conversations.delete(oldest.key)
    }
    return conversation
  }

  /** A sender with several connections gets its own messages back, and one that was not sure sends again. */
  #arrive(conversation, entry) {
    const isSame = each => each.id === entry.id && each.from?.client === entry.from.client
    const known = entry.id && conversation.entries.find(isSame)
    if (known) return known.own && this.#settle(known, "sent")
    this.#add(conversation, entry)
    if (!entry.own && (conversation.key !== this.selected || globalThis.document?.hidden)) conversation.unread += 1
  }

  #notice(conversation, text) { this.#add(conversation, { kind: "notice", text }) }

  #add(conversation, entry) {
    this.#serial += 1
    entry.serial = this.#serial
    entry.at = Date.now()
    conversation.entries.push(entry)
    if (conversation.entries.length > maximumEntries) conversation.entries.shift()
    return entry
  }

  #find(id) {
    if (!id) return []
    return [...this.conversations.values()].flatMap(each => each.entries.filter(entry => entry.own && entry.id === id))
  }

  #settle(entry, state, problem) {
    if (order.indexOf(state) < order.indexOf(entry.state)) return
    entry.state = state
    entry.problem = problem
  }
}

function parse(text) {
  try {
    const value = JSON.parse(text)
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
