-- Parley on this Prosody (0.12 or later; needs the package prosody-modules).
--
-- Save it as a file of its own and include it, on Debian as
-- /etc/prosody/conf.d/parley.cfg.lua, which is included by itself. To paste it
-- into prosody.cfg.lua instead, move the next three settings up to the ones
-- before the first VirtualHost; where one is set there already, merge the two.
-- Then restart Prosody and run `parley check`.

-- Where Parley connects to; on 127.0.0.1 and ::1 unless component_interfaces
-- says otherwise. Keep it off the internet: the link is not encrypted.
component_ports = { $port }

-- A restarted or standby Parley takes the link over at once, instead of waiting
-- until Prosody has noticed that the former one is gone.
component_conflict_resolve = "kick_old"

-- Short lines go out at once; otherwise a busy link stalls by some 10 ms a line.
network_settings = { nagle = false }

--{ each host
-- Operators have their accounts here. If this host has a section of its own with
-- modules_enabled or privileged_entities, move the entries below into that.
VirtualHost $host
    modules_enabled = { "privilege" }
    privileged_entities = {
        --{ each domain
        [$domain] = {
            -- Puts visitors into the operators' contact lists, and takes them out.
            roster = "both";
            -- Tells Parley which operators are available.
            presence = "managed_entity";
        };
        --}
    }

--}
--{ each domain
-- Visitors are v-...@ this domain; the secret is the one in parley.toml.
Component $domain
    component_secret = $secret
    modules_enabled = { "privilege" }

--}
