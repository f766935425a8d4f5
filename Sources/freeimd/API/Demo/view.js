// Shows what is known. All text that came from somebody goes into the page as text, never as markup.

const find = id => document.getElementById(id)
/** Messages of one person within this time stand together. */
const togetherWithin = 3 * 60_000
const toastTime = 4_500
const refreshPause = 16
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })

const stateTexts = {
  idle: "Not connected", connecting: "Connecting…", open: "Online", waiting: "Reconnecting…", stopped: "Disconnected",
}
const marks = {
  sending: ["⋯", "sending"], sent: ["✓", "sent"], delivered: ["✓✓", "delivered"],
  offline: ["✗", "not delivered, offline"], failed: ["!", "not sent"],
}

export class View {
  #chat
  #do
  #timer
  #shownKey
  #nearEnd = true
  #newest = 0

  /** @param actions {{nickname(string), connect()}} */
  constructor(chat, actions) {
    this.#chat = chat
    this.#do = actions
    this.#wireLists()
    this.#wireComposer()
    this.#wireNickname()
    this.#wireRoom()
    find("banner-action").onclick = () => this.#do.connect()
  }

  /** Shows the present state soon, once for all changes until then. */
  refresh() {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#show()
    }, refreshPause)
  }

  showState(state, reason) {
    const element = find("state")
    element.dataset.state = state
    element.textContent = stateTexts[state]
    const banner = find("banner")
    banner.hidden = state !== "stopped" && state !== "waiting"
    find("banner-text").textContent = state === "stopped" ? reason || "Disconnected." : "Connection lost, trying again…"
    find("banner-action").textContent = state === "stopped" ? "Connect again" : "Try now"
    this.refresh()
  }

  toast(text) {
    const toast = make("div", "toast", text)
    const toasts = find("toasts")
    toasts.append(toast)
    while (toasts.children.length > 4) toasts.firstElementChild.remove()
    setTimeout(() => toast.remove(), toastTime)
  }

  askNickname(nickname, problem = "") {
    find("nickname").value = nickname ?? ""
    find("nickname-error").textContent = problem
    find("nickname-cancel").hidden = !this.#chat.me
    if (!find("nickname-dialog").open) find("nickname-dialog").showModal()
    find("nickname").select()
  }

  // Actions

  #wireLists() {
    const app = find("app")
    const reveal = (part, isShown) => {
      app.classList.toggle(`show-${part}`, isShown)
      find(`open-${part}`).setAttribute("aria-expanded", String(isShown))
      if (isShown) find(`close-${part}`).focus()
      else if (document.activeElement === find(`close-${part}`)) find(`open-${part}`).focus()
    }
    for (const part of ["side", "people"]) {
      find(`open-${part}`).onclick = () => reveal(part, !app.classList.contains(`show-${part}`))
      find(`close-${part}`).onclick = () => reveal(part, false)
    }
    document.addEventListener("keydown", event => {
      if (event.key === "Escape") ["side", "people"].forEach(part => reveal(part, false))
    })
    app.addEventListener("click", event => {
      const button = event.target.closest("button[data-key], button[data-client]")
      if (!button || button.getAttribute("aria-disabled") === "true") return
      this.#keepDraft()
      if (button.dataset.client) this.#chat.write(button.dataset.client, button.dataset.nick)
      else if (button.dataset.room) this.#chat.enter(button.dataset.room)
      else this.#chat.select(button.dataset.key)
      ;["side", "people"].forEach(part => reveal(part, false))
      this.#show()
      if (matchMedia("(hover: hover)").matches) find("text").focus()
    })
    find("leave").onclick = () => this.#chat.leave(this.#chat.current.name)
    find("rename").onclick = () => this.askNickname(this.#chat.me?.nick)
  }

  #wireComposer() {
    const text = find("text")
    const log = find("log")
    const submit = () => {
      if (!this.#chat.say(text.value)) return
      text.value = ""
      this.#nearEnd = true
      this.#fit()
    }
    find("composer").onsubmit = event => {
      event.preventDefault()
      submit()
    }
    text.oninput = () => this.#fit()
    text.onkeydown = event => {
      // While an input method composes, Enter chooses characters.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return
      event.preventDefault()
      submit()
    }
    log.onscroll = () => {
      this.#nearEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80
      if (this.#nearEnd) find("newer").hidden = true
    }
    find("newer").onclick = () => { log.scrollTop = log.scrollHeight }
    new ResizeObserver(() => { if (this.#nearEnd) log.scrollTop = log.scrollHeight }).observe(log)
  }

  #wireNickname() {
    const dialog = find("nickname-dialog")
    dialog.oncancel = event => { if (!this.#chat.me) event.preventDefault() }
    find("nickname-cancel").onclick = () => dialog.close()
    find("nickname-form").onsubmit = event => {
      event.preventDefault()
      const nickname = find("nickname").value.trim()
      const problem = nickname === "" ? "Please enter a nickname."
        : [...nickname].length > 32 ? "At most 32 characters, please." : ""
      find("nickname-error").textContent = problem
      if (problem) return find("nickname").focus()
      dialog.close()
      this.#do.nickname(nickname)
      find("text").focus()
    }
  }

  #wireRoom() {
    const dialog = find("room-dialog")
    find("new-room").onclick = () => {
      find("room-name").value = ""
      find("room-error").textContent = ""
      dialog.showModal()
    }
    find("room-cancel").onclick = () => dialog.close()
    find("room-form").onsubmit = event => {
      event.preventDefault()
      const name = find("room-name").value.trim().replace(/^#+\s*/, "")
      if (name === "") {
        find("room-error").textContent = "Please enter a name."
        return find("room-name").focus()
      }
      dialog.close()
      this.#keepDraft()
      this.#chat.enter(name)
      find("app").classList.remove("show-side")
      find("text").focus()
    }
  }

  #keepDraft() {
    const conversation = this.#chat.conversations.get(this.#shownKey)
    if (conversation) conversation.draft = find("text").value
  }

  #fit() {
    const text = find("text")
    text.style.height = "auto"
    text.style.height = `${Math.min(text.scrollHeight, 160)}px`
    const left = text.maxLength - text.value.length
    find("count").hidden = left > 200
    find("count").textContent = left
  }

  // Showing

  #show() {
    const chat = this.#chat
    this.#showSide()
    this.#showHead()
    this.#showEntries()
    this.#showPeople()
    const unread = chat.unread
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${chat.current ? name(chat.current) : "FreeIM chat"}`
    find("narrow-unread").hidden = unread === 0
  }

  #showSide() {
    const chat = this.#chat
    find("me-name").textContent = chat.me?.nick ?? ""
    if (chat.me) dress(find("me-avatar"), chat.me.client, chat.me.nick)
    find("me-avatar").hidden = !chat.me
    const own = [...chat.conversations.values()].filter(each => each.kind === "room").map(each => each.name)
    const rooms = [...new Set(["lobby", ...own, ...chat.rooms.keys()])]
    sync(find("rooms"), rooms, room => room, () => row("#"), (item, room) => {
      const conversation = chat.conversations.get(`room:${room}`)
      const count = chat.rooms.get(room) ?? 0
      const button = item.firstElementChild
      button.dataset.key = `room:${room}`
      button.dataset.room = room
      fill(item, room, {
        isCurrent: chat.selected === `room:${room}`, isDim: !conversation, unread: conversation?.unread ?? 0,
        count, label: `${room}, ${count} ${count === 1 ? "person" : "people"}${conversation ? "" : ", not joined"}`,
      })
    })
    const directs = [...chat.conversations.values()].filter(each => each.kind === "direct")
    find("directs-hint").hidden = directs.length > 0
    sync(find("directs"), directs, each => each.key, () => row(), (item, each) => {
      const isOnline = chat.online.has(each.client)
      item.firstElementChild.dataset.key = each.key
      dress(item.querySelector(".avatar"), each.client, each.name, isOnline)
      fill(item, each.name, {
        isCurrent: chat.selected === each.key, unread: each.unread,
        label: `${each.name}${isOnline ? ", online" : ""}`,
      })
    })
  }

  #showHead() {
    const chat = this.#chat
    const current = chat.current
    find("title").textContent = current ? name(current) : "FreeIM chat"
    find("leave").hidden = current?.kind !== "room"
    find("text").disabled = !current
    find("send").disabled = !current
    find("text").placeholder = current ? `Message ${name(current)}` : "Choose a room first"
    let subtitle = ""
    if (current?.kind === "room" && !current.isJoined) {
      subtitle = "not joined"
    } else if (current?.kind === "room") {
      const count = chat.rooms.get(current.name) ?? 0
      subtitle = `${count} ${count === 1 ? "person" : "people"} here`
    } else if (current) {
      subtitle = chat.online.has(current.client) ? "online · direct message" : "direct message"
    }
    find("subtitle").textContent = subtitle
  }

  #showEntries() {
    const current = this.#chat.current
    const log = find("log")
    const entries = current?.entries ?? []
    const isSwitched = this.#shownKey !== current?.key
    if (isSwitched) {
      this.#shownKey = current?.key
      find("text").value = current?.draft ?? ""
      this.#fit()
      this.#nearEnd = true
      // What is shown by switching is not news to be read aloud.
      log.setAttribute("aria-live", "off")
    }
    sync(log, entries, entry => entry.serial, entry => this.#makeEntry(entry), (item, entry, previous) => {
      item.classList.toggle("together", entry.kind === "message" && previous?.kind === "message"
        && previous.from.client === entry.from.client && entry.at - previous.at < togetherWithin)
      const mark = item.querySelector(".mark")
      if (mark) showMark(mark, entry)
    })
    const newest = entries.at(-1)?.serial ?? 0
    if (this.#nearEnd) log.scrollTop = log.scrollHeight
    else if (newest > this.#newest && entries.at(-1)?.kind === "message") find("newer").hidden = false
    if (this.#nearEnd) find("newer").hidden = true
    this.#newest = newest
    if (isSwitched) setTimeout(() => log.setAttribute("aria-live", "polite"))
    find("empty").hidden = entries.length > 0
    find("empty").textContent = !current ? "Choose a room on the left, or make a new one."
      : current.kind === "room" ? `This is the beginning of ${name(current)}. Say hello!`
      : `Nobody but ${current.name} and you sees these messages.`
  }

  #makeEntry(entry) {
    const item = make("li", `entry ${entry.kind}`)
    if (entry.kind === "notice") {
      item.append(make("bdi", "", entry.text), time(entry.at))
      return item
    }
    const isServer = entry.kind === "server"
    const nick = isServer ? "Server" : entry.from.nick
    item.classList.toggle("own", Boolean(entry.own))
    const avatar = make("span", "avatar")
    avatar.setAttribute("aria-hidden", "true")
    if (isServer) avatar.textContent = "⚙"
    else dress(avatar, entry.from.client, nick)
    const head = make("div", "entry-head")
    if (isServer || entry.own) head.append(make("bdi", "author", entry.own ? `${nick} (you)` : nick))
    else head.append(personButton("author", entry.from.client, nick))
    head.append(time(entry.at))
    const body = make("div", "entry-body")
    const text = make("span", "text", entry.text)
    text.dir = "auto"
    body.append(text)
    if (entry.own) {
      const mark = make("button", "mark")
      mark.type = "button"
      mark.onclick = () => this.#chat.repeat(entry)
      body.append(mark)
    }
    const column = make("div", "entry-column")
    column.append(head, body)
    item.append(avatar, column)
    return item
  }

  #showPeople() {
    const chat = this.#chat
    const room = chat.current?.kind === "room" ? chat.current : undefined
    const here = room?.people ?? new Map()
    find("here-section").hidden = !room
    const hereTotal = room ? chat.rooms.get(room.name) ?? here.size : 0
    const others = [...chat.online].filter(([client]) => !here.has(client))
    find("here-title").textContent = `In this room · ${hereTotal}`
    find("online-section").hidden = room !== undefined && others.length === 0
    find("online-title").textContent = room
      ? `Also online · ${Math.max(others.length, chat.onlineTotal - hereTotal)}` : `Online · ${chat.onlineTotal}`
    const show = (list, people) => {
      const sorted = [...people].sort((left, right) => left[1].localeCompare(right[1]))
      sync(find(list), sorted, each => each[0], () => row(), (item, [client, nick]) => {
        const isMe = client === chat.me?.client
        const button = item.firstElementChild
        button.dataset.client = client
        button.dataset.nick = nick
        button.setAttribute("aria-disabled", String(isMe))
        button.title = isMe ? "" : client
        dress(item.querySelector(".avatar"), client, nick, true)
        fill(item, isMe ? `${nick} (you)` : nick, { label: isMe ? `${nick}, you` : `Write to ${nick}` })
      })
    }
    show("here", here)
    show("online", others)
  }
}

// Pieces

const name = conversation => conversation.kind === "room" ? `#${conversation.name}` : conversation.name

function make(tag, className, text) {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

function time(at) {
  const element = make("time", "", clock.format(at))
  element.dateTime = new Date(at).toISOString()
  return element
}

/** Makes the children of `parent` those of `items`, in order, and touches only what changed, so that focus stays. */
function sync(parent, items, key, create, update) {
  const before = parent.items ?? new Map()
  const keys = new Set(items.map(key))
  for (const [each, element] of before) if (!keys.has(each)) element.remove()
  const after = new Map()
  let place = parent.firstElementChild
  let previous
  for (const item of items) {
    const element = before.get(key(item)) ?? create(item)
    update(element, item, previous)
    if (element === place) place = place.nextElementSibling
    else parent.insertBefore(element, place)
    after.set(key(item), element)
    previous = item
  }
  parent.items = after
}

function row(symbol) {
  const item = make("li")
  const button = make("button", "row")
  button.type = "button"
  const sign = make("span", symbol ? "sign" : "avatar", symbol)
  sign.setAttribute("aria-hidden", "true")
  button.append(sign, make("bdi", "row-name"), make("span", "count"), make("span", "badge"))
  item.append(button)
  return item
}

function fill(item, text, { isCurrent = false, isDim = false, unread = 0, count, label }) {
  const button = item.firstElementChild
  button.classList.toggle("dim", isDim)
  button.classList.toggle("has-unread", unread > 0)
  if (isCurrent) button.setAttribute("aria-current", "true")
  else button.removeAttribute("aria-current")
  button.setAttribute("aria-label", unread > 0 ? `${label}, ${unread} unread` : label)
  button.querySelector(".row-name").textContent = text
  const numbers = [[".count", count, count === undefined], [".badge", unread > 99 ? "99+" : unread, unread === 0]]
  for (const [selector, value, isHidden] of numbers) {
    const element = button.querySelector(selector)
    element.textContent = isHidden ? "" : value
    element.hidden = isHidden
  }
}

function personButton(className, client, nick) {
  const button = make("button", className)
  button.type = "button"
  button.dataset.client = client
  button.dataset.nick = nick
  button.title = `Write to ${nick}`
  button.append(make("bdi", "", nick))
  return button
}

/** Initials on a colour that is always the same for one client. */
function dress(avatar, client, nick, isOnline = false) {
  let hash = 0
  for (const character of client) hash = (hash * 31 + character.codePointAt(0)) >>> 0
  avatar.style.setProperty("--hue", hash % 360)
  const words = nick.trim().split(/\s+/)
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [nick]
  avatar.textContent = letters.map(word => [...word][0] ?? "").join("").toUpperCase()
  avatar.classList.toggle("is-online", isOnline)
}

function showMark(mark, entry) {
  const [sign, text] = marks[entry.state] ?? marks.sent
  const label = entry.problem ? `${text}: ${entry.problem}` : text
  mark.dataset.state = entry.state
  mark.disabled = entry.state !== "failed"
  mark.textContent = sign
  mark.title = entry.state === "failed" ? `${label}. Click to send again.` : label
  mark.setAttribute("aria-label", mark.title)
  // Said in words where something went wrong, since a sign is easily missed.
  if (entry.state === "failed") mark.textContent = "! not sent, try again"
  if (entry.state === "offline") mark.textContent = "✗ offline"
  if (entry.state === "delivered") mark.textContent = "✓ delivered"
}
