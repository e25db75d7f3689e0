/**
 * Where countries and large cities lie, as circles that are large enough: a point of the country is in one of them,
 * so that a distance between circles is never more than the true one. Latitude and longitude in degrees, radius in km.
 *
 * Countries (ISO 3166-1 alpha-2): the smallest circles around their parts in Natural Earth's map at 1:10 million
 * (naturalearthdata.com, public domain), and around the places that GeoNames lists for the few that the map counts to
 * another country; 40 km wider than found, because the map leaves small islands out and its coast is simplified.
 * Cities: coordinates of GeoNames (geonames.org, CC BY 4.0), to a tenth of a degree; the largest of each name.
 */
export interface Circle {
  latitude: number
  longitude: number
  radiusKm: number
}

/** A city, its suburbs, and the data centres that call themselves by its name. */
const CITY_RADIUS_KM = 150

const COUNTRIES = `
AD 42.5,1.6,60 | AE 24.7,54,300 | AF 33.7,67.6,810 | AG 17.4,-61.8,90 | AI 18.4,-63.2,80 |
AL 41.1,19.9,210 | AM 40,45,220 | AO -11.2,17.7,990 | AQ -87,-22.7,3020 | AR -38.5,-64.8,1890 |
AS -12.8,-169.6,300 | AT 47.8,13.2,330 | AU -28.7,135.5,2330 -47.9,150.8,990 | AW 12.5,-70,60 |
AX 60.2,20.4,90 | AZ 40.2,47.7,300 | BA 44,17.4,230 | BB 13.2,-59.6,60 | BD 23.7,90.4,430 |
BE 50.4,4.3,190 | BF 11.4,-1.6,480 | BG 42.9,25.4,310 | BH 26,50.5,70 | BI -3.4,29.9,180 |
BJ 9.3,2.2,400 | BL 17.9,-62.8,50 | BM 32.3,-64.8,60 | BN 4.5,114.7,120 | BO -16.3,-64.5,850 |
BQ 14.8,-65.7,460 | BR -9.7,-50.3,2660 | BS 23.9,-76,480 | BT 27.1,90.4,210 | BW -22.7,23.8,610 |
BY 53.2,27.7,380 | BZ 17.2,-88.8,200 | CA 60.4,-88.7,2800 | CC -12.2,96.8,40 | CD -4.3,23.3,1270 |
CF 5.6,20.9,770 | CG -0.7,15.3,650 | CH 46.6,8.2,220 | CI 7.4,-5.6,450 |
CK -10.7,-163.4,310 -20.4,-158.8,240 -9,-158,50 | CL -36.7,-68.6,2180 -26.8,-107.4,250 | CM 7.1,13.4,710 |
CN 38.7,104.3,2690 | CO 3.9,-72.9,1010 13,-80.9,150 | CR 9.6,-84.3,270 5.5,-87.1,50 | CU 21.1,-79.5,610 |
CV 16.2,-24.2,210 | CW 12.2,-69,70 | CX -10.4,105.7,40 | CY 35,33.2,130 | CZ 49.9,15.5,290 |
DE 51.2,10.5,500 | DJ 11.8,42.5,170 | DK 56,11.8,280 | DM 15.4,-61.4,70 | DO 18.8,-70.2,240 |
DZ 28.5,2.5,1140 | EC -1.9,-78.2,420 0.1,-90.8,260 | EE 58.7,25,240 | EG 26.7,31,840 | EH 24.3,-13,620 |
ER 14.9,40.1,460 | ES 40.5,-2.8,650 28.5,-15.8,290 | ET 8,40.5,870 | FI 65,24.7,620 |
FJ -19.8,178.2,470 -14.9,178.2,350 | FK -51.6,-59.5,170 |
FM 3.1,154.3,300 7.6,150.5,210 9.6,139.3,180 6.4,157.7,140 5.3,163,50 | FO 61.9,-6.7,100 |
FR 46.6,1.6,600 3.9,-53.5,260 15.5,-61.2,170 42.2,9.3,140 -21.1,55.6,80 -12.8,45.1,60 | GA -0.8,12,410 |
GB 55.4,-4.2,680 | GD 12.3,-61.6,80 | GE 42.4,43.4,350 | GF 4.4,-53.1,210 | GG 49.6,-2.4,70 |
GH 8,-1.5,420 | GI 36.1,-5.3,50 | GL 71.7,-40.9,1380 | GM 13.4,-15.3,210 | GN 9.7,-11.4,470 |
GP 16.1,-61.4,90 | GQ 2.4,10,260 -1.4,5.6,50 | GR 38.3,24.2,470 | GS -57.9,-27.4,220 -54.4,-36.9,130 |
GT 15.9,-90.4,290 | GU 13.5,144.8,70 | GW 12.2,-15.2,210 | GY 4.9,-58.7,460 | HK 22.3,114.1,80 |
HM -53.1,73.5,70 | HN 15.4,-86.3,390 | HR 44.3,16.4,310 | HT 18.9,-73,210 | HU 47.5,19.5,310 |
ID 0.7,101.2,930 -5.7,134.3,870 -0.4,123.6,800 -8.5,121.8,700 0.4,113.8,670 -7.1,110.5,640 |
IE 53.4,-8.6,280 | IL 31.4,35.3,270 | IM 54.2,-4.6,70 | IN 20.8,84.4,1900 | IO -6.3,72.1,170 |
IQ 32.9,44.4,560 | IR 32.6,53.5,1180 | IS 65.4,-18.9,300 | IT 41.3,11.8,690 | JE 49.2,-2.1,50 |
JM 18.1,-77.3,160 | JO 31.4,36.8,330 | JP 33,143.6,1450 26.5,126.8,500 | KE 0.5,37.8,640 |
KG 41,74.7,530 | KH 12.8,105.2,370 |
KI -1.8,-156.7,480 1,171.4,340 -3.9,-172.8,260 -1.6,175.6,220 4.3,-159.8,130 -11.4,-151.8,50 |
KM -11.9,43.9,130 | KN 17.2,-62.7,70 | KP 40.4,127.5,410 | KR 36.1,128,410 | KW 29.2,47.6,150 |
KY 19.5,-80.6,140 | KZ 50.2,67,1510 | LA 18.5,104.6,580 | LB 33.9,35.7,150 | LC 13.9,-60.9,70 |
LI 47.2,9.5,60 | LK 7.9,80.3,260 | LR 6.3,-9.1,320 | LS -29.6,28.2,170 | LT 55.4,23.9,230 |
LU 49.8,6.1,90 | LV 56.3,24.6,270 | LY 26.7,18.6,1040 | MA 28.3,-9.9,1100 | MC 43.7,7.4,50 |
MD 47,28,220 | ME 42.7,19.2,140 | MF 18.1,-63.1,50 | MG -18.8,47.3,830 | MH 7.4,169.8,390 13.2,167.1,300 |
MK 41.5,21.7,150 | ML 16.9,-4.4,980 | MM 19.1,97.8,1080 | MN 48.9,104.2,1250 | MO 22.2,113.5,50 |
MP 17.3,145.1,400 | MQ 14.7,-61,70 | MR 20.5,-10.8,840 | MS 16.7,-62.2,50 | MT 35.9,14.4,70 |
MU -20.3,57.5,80 -19.7,63.4,50 -10.4,56.5,50 | MV 4.6,73,320 0.7,73.4,200 | MW -13.3,34.1,490 |
MX 25.6,-101.8,1730 | MY 3.6,114.4,620 3.9,101.9,430 | MZ -18.7,36.5,1060 | NA -21.5,18.3,880 |
NC -21,165.3,280 -22.5,169.4,250 | NE 18.1,7.8,970 | NF -29,167.9,50 | NG 9.4,8.6,780 | NI 13.1,-85,340 |
NL 52.2,5.3,220 17.6,-63.1,60 12.2,-68.3,60 | NO 66.4,11,1000 78.7,22.8,320 -54.4,3.4,50 |
NP 28,84.2,460 | NR -0.5,166.9,50 | NU -19,-169.9,60 | NZ -47.3,175.2,830 -35.5,179,800 -9,-171.8,130 |
OM 21.5,54.8,610 | PA 8.6,-80.1,370 | PE -9.3,-73.2,1100 |
PF -18.3,-149.2,680 -22.9,-142.6,610 -17.1,-141.3,370 -20.8,-136.3,340 -9.3,-139.7,230 |
PG -6.5,147.9,930 | PH 8.8,121.9,600 16.4,121.3,570 | PK 30.7,68.7,970 | PL 51.7,19,450 |
PM 46.9,-56.3,70 | PN -24.2,-129.5,170 -24.7,-124.8,50 | PR 18.2,-66.6,190 | PS 31.8,34.9,140 |
PT 38.4,-28,350 39.5,-7.9,340 31.6,-16.2,220 | PW 4.2,131.7,190 7.5,134.4,120 | PY -23.5,-58.8,580 |
QA 25.4,51.2,130 | RE -21.1,55.5,80 | RO 45.6,25,410 | RS 44.1,20.7,290 | RU 66.1,91.1,4190 |
RW -2,29.8,170 | SA 25,45.4,1180 | SB -8,157.7,300 -9.9,161.3,280 -11.3,167.3,240 |
SC -5.7,54.6,290 -9.5,46.9,120 | SD 15.4,30,1080 | SE 62.2,16.1,830 | SG 1.3,103.8,70 |
SH -16,-5.7,50 -40.4,-10,50 -7.9,-14.4,50 -37.1,-12.3,50 | SI 46.2,14.9,170 | SJ 74.9,0.6,580 |
SK 48.8,19.7,260 | SL 8.5,-11.8,220 | SM 43.9,12.4,50 | SN 14,-14.2,400 | SO 5.1,46.4,970 |
SR 4.2,-55.7,310 | SS 6.7,30.1,730 | ST 0.9,7,150 | SV 13.5,-88.9,180 | SX 18,-63.1,50 | SY 35,39,440 |
SZ -26.5,31.6,140 | TC 21.6,-71.8,120 | TD 15.5,16.6,940 |
TF -17,43.9,750 -49.2,69.4,130 -46.2,51,110 -38.3,77.5,100 -15.9,54.5,50 | TG 8.7,0.7,340 |
TH 13.1,100.6,870 | TJ 38.4,71.3,400 | TK -9,-171.9,130 | TL -8.9,125.7,230 | TM 39.7,59.7,690 |
TN 33.8,9.6,440 | TO -19.2,-174.5,140 -21.7,-175.6,140 -15.6,-175.6,50 | TR 39.1,35.4,890 |
TT 10.7,-61.2,150 | TV -8.4,179.3,170 -6.4,176.6,150 | TW 23.7,120.3,270 | TZ -5.8,35.4,810 |
UA 49.2,31.1,710 | UG 1.4,31.8,440 |
UM 3,-161.2,450 0.5,-176.6,80 28.2,-177.4,50 16.7,-169.5,50 19.3,166.6,50 18.4,-75,50 |
US 41.9,-96,2410 24.4,-166.2,1340 60,-149.7,1330 54,-176.4,790 | UY -32.4,-55.9,340 | UZ 43,64.8,780 |
VA 41.9,12.5,50 | VC 13,-61.3,90 | VE 8.3,-65.6,900 | VG 18.6,-64.5,80 | VI 18.1,-64.8,90 |
VN 15.9,105.3,870 | VU -15.4,167.5,330 -19.4,169.4,140 | WF -13.8,-177.2,170 | WS -13.8,-172.1,120 |
XK 42.6,20.9,110 | YE 14.6,48.7,710 | YT -12.8,45.1,60 | ZA -28.5,25.2,960 -46.8,37.8,70 |
ZM -13.3,27.8,760 | ZW -18.8,29.4,490
`

/** Names in lower case without accents, blanks and signs; several of one city are joined by "=". */
const CITIES = `
US newyork=newyorkcity 40.7,-74.0 | US losangeles 34.1,-118.2 | US chicago 41.9,-87.7 |
US houston 29.8,-95.4 | US phoenix 33.4,-112.1 | US philadelphia 40.0,-75.2 | US sanantonio 29.4,-98.5 |
US sandiego 32.7,-117.2 | US dallas 32.8,-96.8 | US austin 30.3,-97.7 | US sanjose 37.3,-121.9 |
US sanfrancisco 37.8,-122.4 | US seattle 47.6,-122.3 | US denver 39.7,-105.0 | US boston 42.4,-71.1 |
US washingtondc 38.9,-77.0 | US lasvegas 36.2,-115.1 | US atlanta 33.7,-84.4 | US miami 25.8,-80.2 |
US detroit 42.3,-83.0 | US minneapolis 45.0,-93.3 | US saltlakecity 40.8,-111.9 | US ashburn 39.0,-77.5 |
US honolulu 21.3,-157.9 | US anchorage 61.2,-149.9 | CA toronto 43.7,-79.4 | CA montreal 45.5,-73.6 |
CA vancouver 49.2,-123.1 | CA calgary 51.1,-114.1 | CA edmonton 53.6,-113.5 | CA ottawa 45.4,-75.7 |
CA winnipeg 49.9,-97.1 | MX mexicocity 19.4,-99.1 | MX guadalajara 20.7,-103.4 |
MX monterrey 25.7,-100.3 | BR saopaulo -23.5,-46.6 | BR riodejaneiro -22.9,-43.2 |
BR brasilia -15.8,-47.9 | BR fortaleza -3.7,-38.5 | BR salvador -13.0,-38.5 | BR manaus -3.1,-60.0 |
BR portoalegre -30.0,-51.2 | BR recife -8.1,-34.9 | BR curitiba -25.4,-49.3 |
BR belohorizonte -19.9,-43.9 | AR buenosaires -34.6,-58.4 | AR cordoba -31.4,-64.2 |
CL santiago -33.5,-70.6 | CO bogota 4.6,-74.1 | CO medellin 6.3,-75.6 | CO cali 3.4,-76.5 |
PE lima -12.0,-77.0 | VE caracas 10.5,-66.9 | EC quito -0.2,-78.5 | UY montevideo -34.9,-56.2 |
DE berlin 52.5,13.4 | DE hamburg 53.6,10.0 | DE munich=muenchen=munchen 48.1,11.6 |
DE koln=cologne=koeln 50.9,7.0 | DE frankfurtammain=frankfurt 50.1,8.7 | DE stuttgart 48.8,9.2 |
DE dusseldorf=duesseldorf 51.2,6.8 | DE leipzig 51.3,12.4 | DE dresden 51.1,13.7 |
DE hannover=hanover 52.4,9.7 | DE nurnberg=nuremberg=nuernberg 49.5,11.1 | DE bremen 53.1,8.8 |
GB london 51.5,-0.1 | GB manchester 53.5,-2.2 | GB birmingham 52.5,-1.9 | GB edinburgh 56.0,-3.2 |
GB glasgow 55.9,-4.3 | GB bristol 51.5,-2.6 | GB belfast 54.6,-5.9 | FR paris 48.9,2.3 |
FR marseille 43.3,5.4 | FR lyon 45.7,4.8 | FR toulouse 43.6,1.4 | FR bordeaux 44.8,-0.6 |
FR lille 50.6,3.1 | FR strasbourg 48.6,7.7 | ES madrid 40.4,-3.7 | ES barcelona 41.4,2.2 |
ES valencia 39.5,-0.4 | ES sevilla=seville 37.4,-6.0 | PT lisbon=lisboa 38.7,-9.1 | PT porto 41.1,-8.6 |
IT rome=roma 41.9,12.5 | IT milan=milano 45.5,9.2 | IT naples=napoli 40.9,14.3 |
IT turin=torino 45.1,7.7 | IT palermo 38.1,13.3 | NL amsterdam 52.4,4.9 | NL rotterdam 51.9,4.5 |
NL eindhoven 51.4,5.5 | BE brussels 50.9,4.3 | BE antwerpen=antwerp 51.2,4.4 |
CH zurich=zuerich 47.4,8.6 | CH geneve=geneva 46.2,6.1 | CH bern 46.9,7.4 | CH basel 47.6,7.6 |
AT vienna=wien 48.2,16.4 | AT graz 47.1,15.4 | AT linz 48.3,14.3 | PL warsaw=warszawa 52.2,21.0 |
PL krakow 50.1,19.9 | PL gdansk 54.4,18.6 | PL wrocaw=wroclaw 51.1,17.0 | CZ prague=praha 50.1,14.4 |
CZ brno 49.2,16.6 | HU budapest 47.5,19.0 | RO bucharest=bucuresti 44.4,26.1 | BG sofia 42.7,23.3 |
GR athens 38.0,23.7 | GR thessaloniki 40.6,22.9 | SE stockholm 59.3,18.1 |
SE goteborg=gothenburg 57.7,12.0 | SE malmo 55.6,13.0 | SE lulea 65.6,22.2 | NO oslo 59.9,10.7 |
NO bergen 60.4,5.3 | NO trondheim 63.4,10.4 | NO troms=tromso 69.6,19.0 |
DK copenhagen=kobenhavn 55.7,12.6 | DK arhus=aarhus 56.2,10.2 | FI helsinki 60.2,24.9 |
FI oulu 65.0,25.5 | IE dublin 53.3,-6.2 | IE cork 51.9,-8.5 | IS reykjavik 64.1,-21.9 |
EE tallinn 59.4,24.8 | LV riga 56.9,24.1 | LT vilnius 54.7,25.3 | UA kyiv=kiev 50.5,30.5 |
UA lviv 49.8,24.0 | UA odessa=odesa 46.5,30.7 | RS belgrade=beograd 44.8,20.5 | HR zagreb 45.8,16.0 |
SK bratislava 48.1,17.1 | SI ljubljana 46.1,14.5 | LU luxembourg 49.6,6.1 | RU moscow 55.8,37.6 |
RU saintpetersburg 59.9,30.3 | RU novosibirsk 55.0,82.9 | RU yekaterinburg 56.9,60.6 |
RU vladivostok 43.1,131.9 | RU krasnoyarsk 56.0,92.9 | RU irkutsk 52.3,104.3 | RU kazan 55.8,49.1 |
TR istanbul 41.0,28.9 | TR ankara 39.9,32.9 | TR izmir 38.4,27.1 | IL telaviv 32.1,34.8 |
IL jerusalem 31.8,35.2 | AE dubai 25.1,55.3 | AE abudhabi 24.5,54.4 | SA riyadh 24.7,46.7 |
SA jeddah 21.5,39.2 | IR tehran 35.7,51.4 | IQ baghdad 33.3,44.4 | EG cairo 30.1,31.2 | NG lagos 6.5,3.4 |
NG abuja 9.1,7.5 | KE nairobi -1.3,36.8 | ZA johannesburg -26.2,28.0 | ZA capetown -33.9,18.4 |
ZA durban -29.9,31.0 | MA casablanca 33.6,-7.6 | ET addisababa 9.0,38.7 | GH accra 5.6,-0.2 |
KZ almaty 43.3,76.9 | UZ tashkent 41.3,69.2 | PK karachi 24.9,67.0 | PK lahore 31.6,74.4 |
PK islamabad 33.7,73.0 | IN mumbai 19.1,72.9 | IN delhi 28.7,77.2 | IN bengaluru=bangalore 13.0,77.6 |
IN hyderabad 17.4,78.5 | IN chennai 13.1,80.3 | IN kolkata 22.6,88.4 | IN pune 18.5,73.9 |
IN ahmedabad 23.0,72.6 | BD dhaka 23.7,90.4 | LK colombo 6.9,79.8 | NP kathmandu 27.7,85.3 |
TH bangkok 13.8,100.5 | VN hanoi 21.0,105.8 | VN hochiminhcity 10.8,106.6 | MY kualalumpur 3.1,101.7 |
SG singapore 1.3,103.9 | ID jakarta -6.2,106.8 | ID surabaya -7.2,112.8 | PH manila 14.6,121.0 |
CN beijing 39.9,116.4 | CN shanghai 31.2,121.5 | CN shenzhen 22.5,114.1 | CN guangzhou 23.1,113.3 |
CN chengdu 30.7,104.1 | CN chongqing 29.6,106.6 | CN wuhan 30.6,114.3 | CN xian 34.3,108.9 |
CN hangzhou 30.3,120.2 | CN nanjing 32.1,118.8 | CN shenyang 41.8,123.4 | CN harbin 45.8,126.7 |
CN urumqi 43.8,87.6 | CN kunming 25.0,102.7 | CN lanzhou 36.1,103.8 | HK hongkong 22.3,114.2 |
MO macau 22.2,113.5 | TW taipei 25.0,121.5 | TW kaohsiung 22.6,120.3 | KR seoul 37.6,127.0 |
KR busan 35.1,129.0 | JP tokyo 35.7,139.7 | JP osaka 34.7,135.5 | JP nagoya 35.2,136.9 |
JP fukuoka 33.6,130.4 | JP sapporo 43.1,141.3 | MN ulanbator=ulaanbaatar 47.9,106.9 |
AU sydney -33.9,151.2 | AU melbourne -37.8,145.0 | AU brisbane -27.5,153.0 | AU perth -32.0,115.9 |
AU adelaide -34.9,138.6 | AU canberra -35.3,149.1 | AU darwin -12.5,130.8 | NZ auckland -36.8,174.8 |
NZ wellington -41.3,174.8 | NZ christchurch -43.5,172.6
`

const countries = new Map(
  entriesOf(COUNTRIES).map(([code = '', ...circles]) => [code, circles.map((text) => readCircle(text))]),
)
const cities = new Map(
  entriesOf(CITIES).flatMap(([code = '', names = '', place = '']) =>
    names.split('=').map((name) => [`${code}-${name}`, [readCircle(place)]] as const),
  ),
)

function entriesOf(table: string): string[][] {
  return table
    .trim()
    .split(/\s*\|\s*/)
    .map((entry) => entry.split(' '))
}

function readCircle(text: string): Circle {
  const [latitude = 0, longitude = 0, radiusKm = CITY_RADIUS_KM] = text.split(',').map(Number)
  return { latitude, longitude, radiusKm }
}

/**
 * The circles within which a place such as "DE-Berlin" lies: the city's if it is one of the large ones, else those of
 * the country. Undefined: no such country.
 */
export function circlesOf(location: string): readonly Circle[] | undefined {
  const code = location.slice(0, 2)
  const name = location
    .slice(3)
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
  return cities.get(`${code}-${name}`) ?? countries.get(code)
}

const EARTH_RADIUS_KM = 6_371

/** The shortest way along the ground between a point of the one place and a point of the other; 0 when they touch. */
export function leastDistanceKm(a: readonly Circle[], b: readonly Circle[]): number {
  const distances = a.flatMap((one) =>
    b.map((other) => greatCircleKm(one, other) - one.radiusKm - other.radiusKm),
  )
  return Math.max(0, Math.min(...distances))
}

/** Haversine formula, on a sphere: at most half a percent off, which the radii allow for. */
function greatCircleKm(a: Circle, b: Circle): number {
  const radians = Math.PI / 180
  const half = (degrees: number) => Math.sin((degrees * radians) / 2) ** 2
  const h =
    half(b.latitude - a.latitude) +
    Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * half(b.longitude - a.longitude)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)))
}
