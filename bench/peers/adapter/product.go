package adapter

import (
	"strconv"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// Product is the record that all of them keep, of about 300 bytes.
type Product struct {
	ID          int64
	Version     int64 // counts the writes
	Name        string
	Description string
	Price       int64
	Stock       int32
	Tags        []string
	Updated     time.Time
}

// MakeProduct returns a version of a record.
func MakeProduct(id, version int64) Product {
	return Product{
		ID: id, Version: version, Name: "A product with a name", Description: strings.Repeat("described ", 14), Price: 1999,
		Stock: 12, Tags: []string{"new", "offer", "spring"}, Updated: time.Unix(1_750_000_000, 0),
	}
}

// name is the key of a record for libraries that leave keys to their users.
func name(id int64) string { return "p:" + strconv.FormatInt(id, 10) }

func names(ids []int64) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = name(id)
	}
	return all
}

// encode and decode are for libraries that leave the codec to their users.
func encode(p Product) (string, error) {
	b, err := msgpack.Marshal(&p)
	return string(b), err
}

func decode(s string) (Product, error) {
	var p Product
	err := msgpack.Unmarshal([]byte(s), &p)
	return p, err
}
