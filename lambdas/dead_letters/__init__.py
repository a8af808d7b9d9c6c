"""From a message that `recognize` gave up on to a `failed` result, so that nobody waits for ever."""
