package model

// verb tells what a command does that was executed.
func (op Op) verb() string {
	switch op {
	case opAsk:
		return "asks for a lease"
	case opRefresh:
		return "claims the value"
	case opFill:
		return "fills"
	case opRelease:
		return "releases the lease"
	case opFence:
		return "puts the fence"
	case opLift:
		return "invalidates and lifts the fence"
	case opDel:
		return "deletes the key"
	case opDelayedDel:
		return "deletes the key once more"
	case opSet:
		return "stores"
	case opSetNewer:
		return "stores, if it is newer,"
	case opFloor:
		return "deletes the key but for the version of"
	case opLock:
		return "takes the lock"
	case opUnlock:
		return "gives back the lock"
	case opPublish:
		return "publishes its event"
	default:
		return ""
	}
}

// failing tells what a writer's command was to do that was not executed.
func (op Op) failing() string {
	switch op {
	case opFence:
		return "fails to put the fence"
	case opLift:
		return "fails to invalidate"
	case opDel, opDelayedDel:
		return "fails to delete the key"
	case opSet:
		return "fails to store"
	case opFloor:
		return "fails to leave its version"
	case opLock:
		return "fails to take the lock"
	case opUnlock:
		return "fails to give back the lock"
	default:
		return "fails"
	}
}

// valued reports whether a command is told with a value.
func (op Op) valued() bool {
	switch op {
	case opFill, opSet, opSetNewer, opFloor:
		return true
	default:
		return false
	}
}
