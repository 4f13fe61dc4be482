package redisqueue

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed schedule.lua
	scheduleText string
	//go:embed claim.lua
	claimText string
	//go:embed settle.lua
	settleText string
)

var (
	scheduleScript = redis.NewScript(scheduleText)
	claimScript    = redis.NewScript(claimText)
	settleScript   = redis.NewScript(settleText)
)
