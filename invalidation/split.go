package invalidation

// Split returns events that say together what e says and keep each to the limits: e itself, as a rule. The first part
// has the ID of e. A single key that is larger than MaxSize cannot be split; Encode refuses it.
func (e Event) Split() []Event {
	if len(e.Keys) == 0 {
		return []Event{e}
	}
	var parts []Event
	keys := e.Keys
	for len(keys) > 0 {
		n, size := 0, overhead+len(e.Origin)
		for n < len(keys) && n < MaxKeys && (n == 0 || size+room(keys[n]) <= MaxSize) {
			size += room(keys[n])
			n++
		}
		part := e
		part.Keys = keys[:n:n]
		if len(parts) > 0 {
			part.ID = newID()
		}
		parts = append(parts, part)
		keys = keys[n:]
	}
	return parts
}

// overhead is more than the JSON of an event has beside its keys and its origin.
const overhead = 1 << 10

// room is how much a key takes in JSON at most: any byte may become six.
func room(key string) int { return 6*len(key) + 3 }
