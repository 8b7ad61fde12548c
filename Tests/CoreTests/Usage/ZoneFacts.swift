// Where months begin in many zones, as Python's zoneinfo has it (tzdata 2025b): for each zone and year, how
// many minutes after midnight UTC of the first the months begin, as value x number of months. Rounded down to
// quarter hours, which matters in the 1970s and 1980s only.
//
//   datetime(year, month, 1, tzinfo=ZoneInfo(zone)).astimezone(timezone.utc)

enum ZoneFacts {
  /// All of them past, since rules to come may change.
  static let monthStarts = """
    Africa/Cairo 1976 -120x5 -180x5 -120x2
    Africa/Cairo 1987 -120x5 -180x5 -120x2
    Africa/Cairo 1996 -120x4 -180x5 -120x3
    Africa/Cairo 2007 -120x4 -180x5 -120x3
    Africa/Cairo 2011 -120x12
    Africa/Cairo 2018 -120x12
    Africa/Cairo 2023 -120x4 -180x6 -120x2
    Africa/Casablanca 1976 0x5 -60x2 0x5
    Africa/Casablanca 1987 0x12
    Africa/Casablanca 1996 0x12
    Africa/Casablanca 2007 0x12
    Africa/Casablanca 2011 0x4 -60x3 0x5
    Africa/Casablanca 2018 0x3 -60x2 0x1 -60x6
    Africa/Casablanca 2023 -60x3 0x1 -60x8
    Africa/Monrovia 1976 0x12
    Africa/Monrovia 1987 0x12
    Africa/Monrovia 1996 0x12
    Africa/Monrovia 2007 0x12
    Africa/Monrovia 2011 0x12
    Africa/Monrovia 2018 0x12
    Africa/Monrovia 2023 0x12
    America/Asuncion 1976 180x2 240x8 180x2
    America/Asuncion 1987 180x3 240x7 180x2
    America/Asuncion 1996 180x2 240x8 180x2
    America/Asuncion 2007 180x3 240x7 180x2
    America/Asuncion 2011 180x4 240x6 180x2
    America/Asuncion 2018 180x3 240x7 180x2
    America/Asuncion 2023 180x3 240x7 180x2
    America/Caracas 1976 240x12
    America/Caracas 1987 240x12
    America/Caracas 1996 240x12
    America/Caracas 2007 240x12
    America/Caracas 2011 270x12
    America/Caracas 2018 240x12
    America/Caracas 2023 240x12
    America/Havana 1976 300x4 240x6 300x2
    America/Havana 1987 300x3 240x7 300x2
    America/Havana 1996 300x4 240x6 300x2
    America/Havana 2007 300x3 240x7 300x2
    America/Havana 2011 300x3 240x8 300x1
    America/Havana 2018 300x3 240x8 300x1
    America/Havana 2023 300x3 240x8 300x1
    America/Los_Angeles 1976 480x4 420x6 480x2
    America/Los_Angeles 1987 480x4 420x6 480x2
    America/Los_Angeles 1996 480x4 420x6 480x2
    America/Los_Angeles 2007 480x3 420x8 480x1
    America/Los_Angeles 2011 480x3 420x8 480x1
    America/Los_Angeles 2018 480x3 420x8 480x1
    America/Los_Angeles 2023 480x3 420x8 480x1
    America/New_York 1976 300x4 240x6 300x2
    America/New_York 1987 300x4 240x6 300x2
    America/New_York 1996 300x4 240x6 300x2
    America/New_York 2007 300x3 240x8 300x1
    America/New_York 2011 300x3 240x8 300x1
    America/New_York 2018 300x3 240x8 300x1
    America/New_York 2023 300x3 240x8 300x1
    America/Nuuk 1976 180x12
    America/Nuuk 1987 180x3 120x6 180x3
    America/Nuuk 1996 180x3 120x7 180x2
    America/Nuuk 2007 180x3 120x7 180x2
    America/Nuuk 2011 180x3 120x7 180x2
    America/Nuuk 2018 180x3 120x7 180x2
    America/Nuuk 2023 180x3 120x9
    America/Santiago 1976 180x3 240x7 180x2
    America/Santiago 1987 180x4 240x6 180x2
    America/Santiago 1996 180x3 240x7 180x2
    America/Santiago 2007 180x3 240x7 180x2
    America/Santiago 2011 180x5 240x3 180x4
    America/Santiago 2018 180x5 240x3 180x4
    America/Santiago 2023 180x4 240x5 180x3
    America/Sao_Paulo 1976 180x12
    America/Sao_Paulo 1987 120x2 180x8 120x2
    America/Sao_Paulo 1996 120x2 180x8 120x2
    America/Sao_Paulo 2007 120x2 180x8 120x2
    America/Sao_Paulo 2011 120x2 180x8 120x2
    America/Sao_Paulo 2018 120x2 180x9 120x1
    America/Sao_Paulo 2023 180x12
    America/St_Johns 1976 210x4 150x6 210x2
    America/St_Johns 1987 210x4 150x6 210x2
    America/St_Johns 1996 210x4 150x6 210x2
    America/St_Johns 2007 210x3 150x8 210x1
    America/St_Johns 2011 210x3 150x8 210x1
    America/St_Johns 2018 210x3 150x8 210x1
    America/St_Johns 2023 210x3 150x8 210x1
    Antarctica/Troll 1976 0x12
    Antarctica/Troll 1987 0x12
    Antarctica/Troll 1996 0x12
    Antarctica/Troll 2007 0x3 -120x7 0x2
    Antarctica/Troll 2011 0x3 -120x7 0x2
    Antarctica/Troll 2018 0x3 -120x7 0x2
    Antarctica/Troll 2023 0x3 -120x7 0x2
    Asia/Amman 1976 -120x5 -180x5 -120x2
    Asia/Amman 1987 -120x4 -180x6 -120x2
    Asia/Amman 1996 -120x4 -180x5 -120x3
    Asia/Amman 2007 -120x3 -180x7 -120x2
    Asia/Amman 2011 -120x4 -180x6 -120x2
    Asia/Amman 2018 -120x3 -180x7 -120x2
    Asia/Amman 2023 -180x12
    Asia/Beirut 1976 -120x5 -180x4 -120x3
    Asia/Beirut 1987 -120x5 -180x5 -120x2
    Asia/Beirut 1996 -120x3 -180x6 -120x3
    Asia/Beirut 2007 -120x3 -180x7 -120x2
    Asia/Beirut 2011 -120x3 -180x7 -120x2
    Asia/Beirut 2018 -120x3 -180x7 -120x2
    Asia/Beirut 2023 -120x3 -180x7 -120x2
    Asia/Dhaka 1976 -360x12
    Asia/Dhaka 1987 -360x12
    Asia/Dhaka 1996 -360x12
    Asia/Dhaka 2007 -360x12
    Asia/Dhaka 2011 -360x12
    Asia/Dhaka 2018 -360x12
    Asia/Dhaka 2023 -360x12
    Asia/Gaza 1976 -120x12
    Asia/Gaza 1987 -120x4 -180x5 -120x3
    Asia/Gaza 1996 -120x4 -180x5 -120x3
    Asia/Gaza 2007 -120x4 -180x5 -120x3
    Asia/Gaza 2011 -120x4 -180x3 -120x5
    Asia/Gaza 2018 -120x3 -180x7 -120x2
    Asia/Gaza 2023 -120x4 -180x6 -120x2
    Asia/Hong_Kong 1976 -480x4 -540x6 -480x2
    Asia/Hong_Kong 1987 -480x12
    Asia/Hong_Kong 1996 -480x12
    Asia/Hong_Kong 2007 -480x12
    Asia/Hong_Kong 2011 -480x12
    Asia/Hong_Kong 2018 -480x12
    Asia/Hong_Kong 2023 -480x12
    Asia/Kathmandu 1976 -330x12
    Asia/Kathmandu 1987 -345x12
    Asia/Kathmandu 1996 -345x12
    Asia/Kathmandu 2007 -345x12
    Asia/Kathmandu 2011 -345x12
    Asia/Kathmandu 2018 -345x12
    Asia/Kathmandu 2023 -345x12
    Asia/Kolkata 1976 -330x12
    Asia/Kolkata 1987 -330x12
    Asia/Kolkata 1996 -330x12
    Asia/Kolkata 2007 -330x12
    Asia/Kolkata 2011 -330x12
    Asia/Kolkata 2018 -330x12
    Asia/Kolkata 2023 -330x12
    Asia/Pyongyang 1976 -540x12
    Asia/Pyongyang 1987 -540x12
    Asia/Pyongyang 1996 -540x12
    Asia/Pyongyang 2007 -540x12
    Asia/Pyongyang 2011 -540x12
    Asia/Pyongyang 2018 -510x5 -540x7
    Asia/Pyongyang 2023 -540x12
    Asia/Tehran 1976 -210x12
    Asia/Tehran 1987 -210x12
    Asia/Tehran 1996 -210x3 -270x6 -210x3
    Asia/Tehran 2007 -210x12
    Asia/Tehran 2011 -210x3 -270x6 -210x3
    Asia/Tehran 2018 -210x3 -270x6 -210x3
    Asia/Tehran 2023 -210x12
    Asia/Tokyo 1976 -540x12
    Asia/Tokyo 1987 -540x12
    Asia/Tokyo 1996 -540x12
    Asia/Tokyo 2007 -540x12
    Asia/Tokyo 2011 -540x12
    Asia/Tokyo 2018 -540x12
    Asia/Tokyo 2023 -540x12
    Atlantic/Azores 1976 60x12
    Atlantic/Azores 1987 60x3 0x6 60x3
    Atlantic/Azores 1996 60x3 0x7 60x2
    Atlantic/Azores 2007 60x3 0x7 60x2
    Atlantic/Azores 2011 60x3 0x7 60x2
    Atlantic/Azores 2018 60x3 0x7 60x2
    Atlantic/Azores 2023 60x3 0x7 60x2
    Australia/Eucla 1976 -525x12
    Australia/Eucla 1987 -525x12
    Australia/Eucla 1996 -525x12
    Australia/Eucla 2007 -585x3 -525x7 -585x2
    Australia/Eucla 2011 -525x12
    Australia/Eucla 2018 -525x12
    Australia/Eucla 2023 -525x12
    Australia/Lord_Howe 1976 -600x12
    Australia/Lord_Howe 1987 -660x3 -630x7 -660x2
    Australia/Lord_Howe 1996 -660x3 -630x7 -660x2
    Australia/Lord_Howe 2007 -660x3 -630x7 -660x2
    Australia/Lord_Howe 2011 -660x4 -630x6 -660x2
    Australia/Lord_Howe 2018 -660x4 -630x6 -660x2
    Australia/Lord_Howe 2023 -660x4 -630x6 -660x2
    Australia/Sydney 1976 -660x3 -600x7 -660x2
    Australia/Sydney 1987 -660x3 -600x7 -660x2
    Australia/Sydney 1996 -660x3 -600x7 -660x2
    Australia/Sydney 2007 -660x3 -600x7 -660x2
    Australia/Sydney 2011 -660x4 -600x6 -660x2
    Australia/Sydney 2018 -660x4 -600x6 -660x2
    Australia/Sydney 2023 -660x4 -600x6 -660x2
    Etc/GMT+12 1976 720x12
    Etc/GMT+12 1987 720x12
    Etc/GMT+12 1996 720x12
    Etc/GMT+12 2007 720x12
    Etc/GMT+12 2011 720x12
    Etc/GMT+12 2018 720x12
    Etc/GMT+12 2023 720x12
    Etc/GMT-14 1976 -840x12
    Etc/GMT-14 1987 -840x12
    Etc/GMT-14 1996 -840x12
    Etc/GMT-14 2007 -840x12
    Etc/GMT-14 2011 -840x12
    Etc/GMT-14 2018 -840x12
    Etc/GMT-14 2023 -840x12
    Europe/Berlin 1976 -60x12
    Europe/Berlin 1987 -60x3 -120x6 -60x3
    Europe/Berlin 1996 -60x3 -120x7 -60x2
    Europe/Berlin 2007 -60x3 -120x7 -60x2
    Europe/Berlin 2011 -60x3 -120x7 -60x2
    Europe/Berlin 2018 -60x3 -120x7 -60x2
    Europe/Berlin 2023 -60x3 -120x7 -60x2
    Europe/Dublin 1976 0x3 -60x7 0x2
    Europe/Dublin 1987 0x3 -60x7 0x2
    Europe/Dublin 1996 0x3 -60x7 0x2
    Europe/Dublin 2007 0x3 -60x7 0x2
    Europe/Dublin 2011 0x3 -60x7 0x2
    Europe/Dublin 2018 0x3 -60x7 0x2
    Europe/Dublin 2023 0x3 -60x7 0x2
    Europe/London 1976 0x3 -60x7 0x2
    Europe/London 1987 0x3 -60x7 0x2
    Europe/London 1996 0x3 -60x7 0x2
    Europe/London 2007 0x3 -60x7 0x2
    Europe/London 2011 0x3 -60x7 0x2
    Europe/London 2018 0x3 -60x7 0x2
    Europe/London 2023 0x3 -60x7 0x2
    Europe/Moscow 1976 -180x12
    Europe/Moscow 1987 -180x3 -240x6 -180x3
    Europe/Moscow 1996 -180x3 -240x7 -180x2
    Europe/Moscow 2007 -180x3 -240x7 -180x2
    Europe/Moscow 2011 -180x3 -240x9
    Europe/Moscow 2018 -180x12
    Europe/Moscow 2023 -180x12
    Pacific/Apia 1976 660x12
    Pacific/Apia 1987 660x12
    Pacific/Apia 1996 660x12
    Pacific/Apia 2007 660x12
    Pacific/Apia 2011 600x4 660x5 600x3
    Pacific/Apia 2018 -840x4 -780x5 -840x3
    Pacific/Apia 2023 -780x12
    Pacific/Chatham 1976 -825x3 -765x7 -825x2
    Pacific/Chatham 1987 -825x3 -765x7 -825x2
    Pacific/Chatham 1996 -825x3 -765x7 -825x2
    Pacific/Chatham 2007 -825x3 -765x6 -825x3
    Pacific/Chatham 2011 -825x4 -765x5 -825x3
    Pacific/Chatham 2018 -825x4 -765x5 -825x3
    Pacific/Chatham 2023 -825x4 -765x5 -825x3
    Pacific/Kiritimati 1976 630x12
    Pacific/Kiritimati 1987 600x12
    Pacific/Kiritimati 1996 -840x12
    Pacific/Kiritimati 2007 -840x12
    Pacific/Kiritimati 2011 -840x12
    Pacific/Kiritimati 2018 -840x12
    Pacific/Kiritimati 2023 -840x12
    Pacific/Marquesas 1976 570x12
    Pacific/Marquesas 1987 570x12
    Pacific/Marquesas 1996 570x12
    Pacific/Marquesas 2007 570x12
    Pacific/Marquesas 2011 570x12
    Pacific/Marquesas 2018 570x12
    Pacific/Marquesas 2023 570x12
    """
}
